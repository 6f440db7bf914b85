"""`python -m survival_multiverse` is the command `study`."""

import sys

from survival_multiverse.cli.main import main

sys.exit(main())
