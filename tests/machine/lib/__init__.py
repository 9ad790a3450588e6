# SPDX-License-Identifier: MIT
"""What the machine tests are made with: machine.py boots, logs.py reads what came of it."""
