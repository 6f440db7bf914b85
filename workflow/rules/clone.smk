# Where the whole repository lies: the rules need its scripts, its library and its data.
import subprocess
import tarfile
import tempfile
from io import BytesIO


def clone_of(folder):
    """Return the root of the clone that holds a folder.

    A module from `github(…)`, `gitlab(…)` or `gitfile(…)` comes as a Snakefile alone: its commit is unpacked once
    into Snakemake's source cache, and runs from there as a clone does.
    """
    if hasattr(folder, "repo_path"):
        repository = folder.repo_path
    elif hasattr(folder, "hosted_repo"):
        repository = folder.hosted_repo.repo_clone
    else:
        return Path(folder.get_path_or_uri(secret_free=True)).parent

    def git(*command):
        return subprocess.run(["git", "-C", repository, *command], check=True, capture_output=True).stdout

    commit = git("rev-parse", f"{folder.ref}^{{commit}}").decode().strip()
    clone = workflow.sourcecache.cache_path / "dose-robustness-study" / commit
    if not clone.is_dir():
        clone.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clone.parent, ignore_cleanup_errors=True) as beside:
            with tarfile.open(fileobj=BytesIO(git("archive", commit))) as archive:
                archive.extractall(unpacked := Path(beside, "clone"), filter="data")
            try:
                unpacked.rename(clone)
            except OSError:
                # Another run was quicker.
                if not clone.is_dir():
                    raise
    return clone
