"""Stands in for the script that ansible-test would download: Python's own pip, then the packages asked for."""

import subprocess
import sys

# In a process of its own: ensurepip switches pip's configuration off in the one that it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip"])
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *words]))
