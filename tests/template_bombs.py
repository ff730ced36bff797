"""Templates that would take the machine with them. Run as a program: renders each, and prints the
seconds it took, the megabytes the process grew by, and what came of it, one JSON list a line."""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import datetime

_TWICE = "{% set n = namespace(s='x', l=[1], t=(1,)) %}{% for a in range(99) %}{% set n."
_END = " %}{% endfor %}"

BOMBS = (
    # endless
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% set s %}{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
    "{% endset %}{{ s }}",
    "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{% macro f(n) %}xx{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(99) }}",
    "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
    "{% for x in [1, 1] recursive %}{% if loop.depth < 40 %}{{ loop([x, x]) }}{% endif %}"
    "{% endfor %}",
    "{% set a = range(99999)|list %}{% for x in a %}{% if x in a and -x in a %}{% endif %}"
    "{% endfor %}",
    "{{ range(99999)|select('in', range(99999)|list)|list }}",
    # doubling
    _TWICE + "s = n.s + n.s" + _END,
    _TWICE + "s = n.s ~ n.s" + _END,
    _TWICE + "s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
    _TWICE + "s = n.s.replace('x', 'xx')" + _END,
    _TWICE + "s = n.s|replace('x', n.s ~ 'x')" + _END,
    _TWICE + "s = (n.s ~ 'x').join(n.s ~ 'x')" + _END,
    _TWICE + "s = [n.s, n.s]|join('-')" + _END,
    _TWICE + "s = '%s%s' % (n.s, n.s)" + _END,
    _TWICE + "s = '{0}{0}'.format(n.s)" + _END,
    _TWICE + "s = n.s * 2" + _END,
    _TWICE + "l = n.l + n.l" + _END,
    _TWICE + "l = n.l * 2" + _END,
    # unfolding
    _TWICE + "l = [n.l, n.l]" + _END + "{{ n.l }}",
    _TWICE + "l = [n.l, n.l]" + _END + "{{ n.l|tojson }}",
    _TWICE + "l = {'a': n.l, 'b': n.l}" + _END + "{{ n.l|tojson(indent=4) }}",
    _TWICE + "l = dict(a=n.l, b=n.l)" + _END + "{{ n.l }}",
    _TWICE + "t = (n.t, n.t)" + _END + "{{ {n.t: 1} }}",
    _TWICE + "t = (n.t, n.t)" + _END + "{{ {}[n.t] }}",
    _TWICE + "l = [n.l, n.l]" + _END + "{{ n.l == [n.l] }}",
    "{% set n = namespace(l=1) %}{% for a in range(99999) %}{% set n.l = [n.l] %}{% endfor %}"
    "{{ n.l }}",
    "{% set n = namespace() %}{% set n.n = n %}{{ n }}",
    # large at once
    "{{ 'x' * 10**9 }}",
    "{{ [0] * 10**9 }}",
    "{{ (0,) * 10**9 }}",
    "{{ 9 ** (9 ** 9) }}",
    "{% set n = namespace(i=9) %}{% for a in range(99) %}{% set n.i = n.i * n.i %}{% endfor %}",
    "{{ 0xFFFFFFFF ** 0xFFFFFFFF }}",
    "{{ 'x'.center(10**9) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.rjust(10**9) }}",
    "{{ 'x'.zfill(10**9) }}",
    "{{ '\t'.expandtabs(10**9) }}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'|indent(10**9, true) }}",
    "{{ ('\n' * 99999)|indent(99999, true, true) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (10**9, 1) }}",
    "{{ '%.1000000000f'|format(1.5) }}",
    "{{ '%(a)s' * 99999 % {'a': 'x' * 99999} }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 10**9) }}",
    "{{ ('{0}' * 99999).format('x' * 99999) }}",
    "{{ '{0!r}'.format('\U0001f642' * 9999999) }}",
    "{{ '%1000000000d' is odd }}",
    "{{ '%1000000000d' is divisibleby(3) }}",
    "{{ 'x'|round(9, 'ceil') }}",
    "{{ 2|round(10**9, 'ceil') }}",
    "{{ range(10**12)|list }}",
    "{{ range(99999)|list * 9999 }}",
    "{{ range(99999)|map('center', 9999)|list }}",
    "{{ (range(99999)|map('string')|map('list')|list)|sum(start=[]) }}",
    "{{ ('1' * 9999999)|int }}",
    "{{ ('f' * 9999999)|int(0, 16) }}",
    "{{ {'a': [1, 2]}|tojson(separators=('x' * 9999999, ':')) }}",
    "{{ range(99999)|list|tojson(indent=10**9) }}",
    "{{ strftime_now('%c' * 99999) }}",
    "{{ raise_exception('x' * 999999999) }}",
    "{{ joiner('x' * 999999999) }}",
    # slow inside one call
    "{% set a = 'a' * 9999999 %}{{ a.rfind('b' + 'a' * 4999999) }}",
    "{% set a = 'a' * 9999999 %}{{ a.rsplit('b' + 'a' * 4999999) }}",
    "{% set a = 'a' * 9999999 %}{{ a.strip('b' * 4999999 + 'a') }}",
    # many small things out of one large text
    "{{ ('a ' * 9999999).split() }}",
    "{{ ('\r' * 9999999).splitlines() }}",
    "{{ ('a' * 19999999)|list }}",
    "{{ ('a' * 19999999)|sort }}",
    "{{ ('é' * 9999999)|map('upper')|list }}",
    "{{ ('a-' * 9999999)|title }}",
    "{{ ('<' * 19999999)|e }}",
    "{{ ('ß' * 19999999)|upper }}",
    # the compiler
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ 1" + "+1" * 30000 + " }}",
    "{{ a" + ".a" * 40000 + " }}",
    "{{ x" + "|upper" * 15000 + " }}",
    "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "{% for a in b %}" * 500 + "{% endfor %}" * 500,
    "{{a}}" * 19000 + "{{ 1/0 }}",
    "{{ " + "9" * 90000 + " }}",
    "x" * 100001,
)


def main(seconds: float) -> None:
    from pellucid.errors import TemplateError
    from pellucid.prompt.sandbox import compile_template

    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))  # a failing test is enough
    now = datetime(2024, 7, 26)
    compile_template("warm").render({}, now=now)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for bomb in BOMBS:
        began = time.monotonic()
        try:
            template = compile_template(bomb, seconds=seconds)
            said = "rendered: " + template.render({}, now=now, seconds=seconds).text[:100]
        except TemplateError as error:
            said = f"TemplateError: {error}"
        took = time.monotonic() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start
        print(json.dumps([took, grown / 1024, said]), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
