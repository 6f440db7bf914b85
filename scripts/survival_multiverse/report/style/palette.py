"""Colours of everything drawn."""

# Okabe and Ito (2008): distinct for readers with any kind of colour vision.
BLUE, VERMILION, ORANGE, SKY = "#0072B2", "#D55E00", "#E69F00", "#56B4E9"
GREEN, PINK = "#009E73", "#CC79A7"
# Darker than all of these, yet seen on a dark page.
BROWN = "#9C6A2E"
# These are themed: `inline_svg` turns them into CSS variables, so that figures follow dark mode.
INK, MUTED, GRID, PAPER = "#1f2329", "#6b727b", "#d5dae0", "#fefefe"
THEMED = {INK: "--ink", MUTED: "--muted", GRID: "--rule", PAPER: "--paper"}
# The two of the dose, which in dark mode are lighter, and the other blue, which there is darker; matplotlib
# writes them in lower case.
THEMED |= {BLUE.lower(): "--below", VERMILION.lower(): "--above", SKY.lower(): "--second"}

# Blue belongs to the higher dose, vermilion to the lower one, in curves and in hazard ratios alike.
ARM_COLOURS = {0: VERMILION, 1: BLUE}
DIRECTION_COLOURS = {"longer": BLUE, "shorter": VERMILION, "includes": "#8d959e"}
STATE_COLOURS = {"oligometastatic": GREEN, "non_oligometastatic": BROWN}
LINE_STYLES = {0: (0, (5, 1.6)), 1: "-"}
# What a paper printed, beside what was computed; nothing else has this colour. Captions call it by the name.
PUBLISHED, PUBLISHED_NAME = PINK, "pink"
