"""Signing and verifying a study's manifest by OpenSSH's ``ssh-keygen -Y``.

OpenSSH is on nearly every machine, needs no network, and people have its keys already; the manifest has the
digests of everything else.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.study_files import MANIFEST
from survival_multiverse.provenance.study_records import SIGNATURE
from survival_multiverse.settings.faults import InputError

NAMESPACE = "dose-robustness-study"


@dataclass(frozen=True, slots=True)
class Signature:
    """What is known of a study's signature.

    Attributes
    ----------
    good
        Whether it is what was asked for: made by somebody on the list of signers, or, where there is no list,
        not wrong.
    """

    good: bool
    words: str


def sign(study: Path, key: Path) -> str:
    """Sign the manifest with a private key, and say which key it is.

    Raises
    ------
    InputError
        If the key can't sign.
    """
    done = _ssh_keygen("sign", "-q", "-n", NAMESPACE, "-f", str(key), of=study / MANIFEST)
    if done.returncode:
        raise InputError([f"{key} cannot sign: {_last_line(done)}"], subject="the key")
    write_bytes(study / SIGNATURE, done.stdout.encode())
    return check(study, None).words


def check(study: Path, signers: Path | None) -> Signature:
    """Hold a study's signature against its manifest.

    Parameters
    ----------
    signers
        Who may sign: lines of a name and a public key, as ``ssh-keygen`` has it (ALLOWED SIGNERS). Without it
        any key will do, and the answer names the key alone.
    """
    if not (study / SIGNATURE).is_file():
        return Signature(signers is None, "unsigned: anyone who can edit a file can also edit the manifest")
    if shutil.which("ssh-keygen") is None:
        return Signature(False, "signed, but not checked: there is no ssh-keygen on this machine")
    manifest, signature = study / MANIFEST, ("-n", NAMESPACE, "-s", str(study / SIGNATURE))
    made = _ssh_keygen("check-novalidate", *signature, of=manifest)
    if made.returncode:
        return Signature(False, "wrong signature: the manifest was edited, or a run has written a new one")
    key = made.stdout.strip().rpartition(" with ")[2]
    if signers is None:
        return Signature(True, f"signed with {key}; name with SIGNERS=… who may sign")
    listed = ("-f", str(signers))
    found = _ssh_keygen("find-principals", "-s", str(study / SIGNATURE), *listed)
    name = found.stdout.partition("\n")[0].partition(",")[0]
    if found.returncode or _ssh_keygen("verify", *listed, "-I", name, *signature, of=manifest).returncode:
        return Signature(False, f"wrong signer: {key} is not on the list of {signers.name}")
    return Signature(True, f"signed by {name} with {key}")


def _ssh_keygen(action: str, *arguments: str, of: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        with (of if of and of.is_file() else Path(os.devnull)).open("rb") as stream:
            return subprocess.run(
                ["ssh-keygen", "-Y", action, *arguments],
                stdin=stream,
                capture_output=True,
                text=True,
                check=False,
            )
    except FileNotFoundError:
        raise InputError(["there is no ssh-keygen; install OpenSSH"], subject="the machine") from None


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
