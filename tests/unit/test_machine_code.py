"""Machine code for delayed entry: compiled once for each state of the kernels, and only where it is kept."""

import numba
import pytest

from survival_multiverse.files import machine_code


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """What was compiled, in order, with an empty cache."""
    calls = []
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(machine_code, "KEPT", True)
    monkeypatch.setattr(machine_code, "warm_up", lambda **given: calls.append(given))
    return calls


def test_it_is_compiled_once_and_said_to_be(compiled, capsys):
    machine_code.compile_for_delayed_entry()
    assert capsys.readouterr().out.startswith("Delayed entry: machine code")
    machine_code.compile_for_delayed_entry()
    assert compiled == [{"late": True}]
    assert capsys.readouterr().out == ""


def test_nothing_is_compiled_where_it_cannot_be_kept(compiled, monkeypatch):
    monkeypatch.setattr(machine_code, "KEPT", False)
    machine_code.compile_for_delayed_entry()
    assert compiled == []


def test_what_failed_is_tried_again(compiled, monkeypatch):
    def fail(**_):
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(machine_code, "warm_up", fail)
        with pytest.raises(RuntimeError):
            machine_code.compile_for_delayed_entry()
    machine_code.compile_for_delayed_entry()
    assert compiled == [{"late": True}]
