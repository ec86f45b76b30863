"""No call of a compiled model allocates: every entry of a decoder and of an encoder.

    allocation.py BUILD_DIRECTORY
"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import ROOT, Program, check

program = Program(sys.argv[1])
golden = ROOT / "tests" / "data" / "golden"
with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "m.lathe"
    for case in (golden / "llama-gqa", golden / "gemma2", golden / "bert-base-gelu"):
        program.run("compile", case, "-o", model)
        done = subprocess.run([program.lathe.with_name("allocation-test"), "--gtest_filter=*ACallOfACompiledModel*"],
                              env={**os.environ, "LATHE_TEST_MODEL": str(model)}, capture_output=True, text=True)
        check(done.returncode == 0 and "1 test." in done.stdout and "SKIPPED" not in done.stdout,
              f"{case.name}: {done.stdout[-3000:]}")
