"""Sentences with their translations, shown to a model as turns that were answered: without them a
small one copies its sentence, or the lines around it."""

from __future__ import annotations

ONE = {
    "en": ("The rain stopped in the night.",),
    "de": ("Der Regen hörte in der Nacht auf.",),
    "fr": ("La pluie a cessé dans la nuit.",),
    "es": ("La lluvia cesó durante la noche.",),
    "it": ("La pioggia cessò durante la notte.",),
    "pt": ("A chuva parou durante a noite.",),
    "nl": ("De regen hield in de nacht op.",),
}
"""Of nothing that companies write of."""
SEVERAL = {
    "en": (
        "The family has owned the bakery since 1964, the director said on Sunday.",
        "Its 1,250 employees work at three sites; 40 of them were hired last year.",
        "In spring we baked 2.6 million loaves, because our shops were open longer.",
        "Anna Lind, who founded the museum, will show the new rooms to visitors on 2 August.",
        "They can return a ticket within 14 days, but nobody has to give a reason.",
    ),
    "de": (
        "Die Familie besitzt die Bäckerei seit 1964, sagte die Direktorin am Sonntag.",
        "Ihre 1.250 Beschäftigten arbeiten an drei Standorten; 40 von ihnen wurden letztes Jahr "
        "eingestellt.",
        "Im Frühling haben wir 2,6 Millionen Brote gebacken, weil unsere Läden länger offen waren.",
        "Anna Lind, die das Museum gegründet hat, wird den Besuchern am 2. August die neuen Räume "
        "zeigen.",
        "Sie können eine Karte innerhalb von 14 Tagen zurückgeben, aber niemand muss einen Grund "
        "angeben.",
    ),
    "fr": (
        "La famille possède la boulangerie depuis 1964, a déclaré dimanche la directrice.",
        "Ses 1 250 employés travaillent sur trois sites ; 40 d'entre eux ont été embauchés l'an "
        "dernier.",
        "Au printemps, nous avons cuit 2,6 millions de pains, parce que nos magasins étaient "
        "ouverts plus longtemps.",
        "Anna Lind, qui a fondé le musée, montrera les nouvelles salles aux visiteurs le 2 août.",
        "Ils peuvent rendre un billet en moins de 14 jours, mais personne n'a à donner de raison.",
    ),
    "es": (
        "La familia posee la panadería desde 1964, dijo el domingo la directora.",
        "Sus 1.250 empleados trabajan en tres sedes; 40 de ellos fueron contratados el año pasado.",
        "En primavera horneamos 2,6 millones de panes, porque nuestras tiendas estaban abiertas "
        "más tiempo.",
        "Anna Lind, que fundó el museo, mostrará las nuevas salas a los visitantes el 2 de agosto.",
        "Pueden devolver una entrada en un plazo de 14 días, pero nadie tiene que dar una razón.",
    ),
}
"""For sentences with some of their words beside them: these show what is made of such words."""
