"""Run the command `study` as `python -m survival_multiverse`."""

import sys

from survival_multiverse.cli.main import main

sys.exit(main())
