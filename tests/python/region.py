"""Makes the region of the tests in a folder, anew: `region.py FOLDER`. Several runs of pytest share it by SISS_LAKE."""

import shutil
import subprocess
import sys

import conftest

folder = sys.argv[1]
shutil.rmtree(folder, ignore_errors=True)
sys.exit(subprocess.run([conftest.binary(), *conftest.region(folder)], cwd=conftest.ROOT, env=conftest.environment()).returncode)
