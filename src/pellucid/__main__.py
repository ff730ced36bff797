"""`python -m pellucid`."""

import sys

from .cli.main import main

sys.exit(main())
