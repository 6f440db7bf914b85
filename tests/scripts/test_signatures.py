"""Signatures of a manifest: good, wrong, by somebody else, or not there."""

import shutil
import subprocess

import pytest

from survival_multiverse.provenance import signatures
from survival_multiverse.provenance.signatures import SIGNATURE, check, sign
from survival_multiverse.provenance.study_records import MANIFEST
from survival_multiverse.settings.faults import InputError

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH signs")


def new_key(folder, name):
    """A private key, and the line of a list of signers that names it."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path, f"{name} {path.with_suffix('.pub').read_text()}"


@pytest.fixture
def study(tmp_path):
    (tmp_path / MANIFEST).parent.mkdir(parents=True)
    (tmp_path / MANIFEST).write_text('{"files": []}\n')
    return tmp_path


def test_a_signature_is_good_until_the_manifest_changes(study):
    key, line = new_key(study, "anna")
    signers = study / "signers"
    signers.write_text(line)
    assert sign(study, key).startswith("signed with ED25519 key SHA256:")
    assert check(study, signers).good
    assert "signed by anna" in check(study, signers).words
    (study / MANIFEST).write_text('{"files": [1]}\n')
    for who in (None, signers):
        assert not check(study, who).good
        assert "wrong signature" in check(study, who).words
    sign(study, key)
    assert check(study, signers).good


def test_a_signer_who_is_not_on_the_list_is_none(study):
    key, _ = new_key(study, "anna")
    _, other = new_key(study, "bert")
    (study / "signers").write_text(other)
    sign(study, key)
    assert check(study, None).good
    found = check(study, study / "signers")
    assert not found.good
    assert "wrong signer" in found.words


def test_unsigned_is_said_and_is_wrong_where_a_signer_is_asked_for(study):
    assert check(study, None).good
    assert "unsigned" in check(study, None).words
    (study / "signers").write_text("")
    assert not check(study, study / "signers").good


def test_a_signature_that_cannot_be_checked_is_not_good(study, monkeypatch):
    sign(study, new_key(study, "anna")[0])
    monkeypatch.setattr(signatures.shutil, "which", lambda name: None)
    assert not check(study, None).good
    (study / SIGNATURE).write_text("nonsense")
    monkeypatch.undo()
    assert "wrong signature" in check(study, None).words


def test_a_file_that_is_no_key_is_one_message_and_leaves_the_signature(study):
    sign(study, new_key(study, "anna")[0])
    before = (study / SIGNATURE).read_bytes()
    (study / "no_key").write_text("x")
    with pytest.raises(InputError, match="cannot sign"):
        sign(study, study / "no_key")
    assert (study / SIGNATURE).read_bytes() == before


def test_a_manifest_that_is_no_text_has_a_wrong_signature(study):
    sign(study, new_key(study, "anna")[0])
    (study / MANIFEST).write_bytes(b"\xff\xfe")
    assert "wrong signature" in check(study, None).words
