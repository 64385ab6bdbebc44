"""``kill -9`` at random moments: a fit goes on as if nothing had happened."""

import os
import re
import subprocess
import sys

import pytest
from helpers import ROOT, SKLEARN


@pytest.mark.skipif(os.name != "posix", reason="processes are forked, and killed")
@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn 1.9 brought callbacks")
def test_a_fit_survives_the_death_of_its_process():
    """Ten times; benchmarks/kill.py without an option does it 200 times."""
    command = [sys.executable, ROOT / "benchmarks" / "kill.py", "--kills", "10"]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    counts = [int(n) for n in re.findall(r"\| +(\d+) \|$", done.stdout, re.MULTILINE)]
    *outcomes, total = counts
    assert len(outcomes) == 3
    assert total == sum(outcomes) == 10
    assert "ended with the weights of the uninterrupted one" in done.stdout
