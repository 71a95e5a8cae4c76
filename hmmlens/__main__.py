"""``python -m hmmlens`` is the command ``hmmlens``."""

from __future__ import annotations

import sys

from hmmlens.cli.command import main

sys.exit(main())
