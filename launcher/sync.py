"""The project's files: which they are, what they hash to, and how they get into a bench."""

from __future__ import annotations

import filecmp
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

LEFT_OUT = {
	".git",
	".imta",
	"node_modules",
	"__pycache__",
	".venv",
	".ruff_cache",
	".pytest_cache",
	".hypothesis",
}
# Made inside the bench, not part of the project: a sync leaves it alone.
GENERATED = ("public/dist", ".egg-info", "__pycache__", "node_modules")


def project_files(root: Path) -> list[str]:
	"""Tracked files and new ones that Git does not ignore; all files where there is no repository."""
	if (root / ".git").exists() and shutil.which("git"):
		try:
			listed = subprocess.run(
				["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-zco", "--exclude-standard"],
				stdout=subprocess.PIPE,
				stderr=subprocess.DEVNULL,
				check=True,
				env={k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
			).stdout
			names = sorted({name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name})
			return [name for name in names if os.path.lexists(root / name)]
		except (OSError, subprocess.CalledProcessError):
			pass
	names = []
	for folder, folders, files in os.walk(root):
		here = Path(folder).relative_to(root)
		links = [name for name in folders if (Path(folder) / name).is_symlink()]
		folders[:] = [name for name in folders if name not in LEFT_OUT and name not in links]
		names += [str(here / name) for name in [*files, *links] if not name.endswith((".pyc", ".swp"))]
	return sorted(name for name in names if not any(part in name for part in GENERATED))


def tree_hash(root: Path, names: list[str] | None = None, under: str = "") -> str:
	digest = hashlib.sha256()
	for name in names if names is not None else project_files(root):
		if not name.startswith(under):
			continue
		path = root / name
		digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
		if path.is_symlink():
			digest.update(os.readlink(path).encode())
		elif path.is_file():
			digest.update(hashlib.sha256(path.read_bytes()).digest())
	return digest.hexdigest()


def packed(root: Path, names: list[str]) -> bytes:
	buffer = io.BytesIO()
	with tarfile.open(fileobj=buffer, mode="w") as archive:
		for name in names:
			archive.add(root / name, name, recursive=False)
	return buffer.getvalue()


def mirror(source: Path, target: Path) -> bool:
	"""Make `target` hold the project's files and no others of its own; True when something changed."""
	names = project_files(source)
	wanted = set(names)
	changed = False
	target.mkdir(parents=True, exist_ok=True)
	for folder, folders, files in os.walk(target, topdown=False):
		for name in [*files, *(f for f in folders if (Path(folder) / f).is_symlink())]:
			path = Path(folder) / name
			relative = str(path.relative_to(target))
			if relative not in wanted and not any(part in relative for part in GENERATED):
				path.unlink()
				changed = True
		if Path(folder) != target and not os.listdir(folder):
			os.rmdir(folder)
	for name in names:
		old, new = target / name, source / name
		if new.is_symlink():
			if old.is_symlink() and os.readlink(old) == os.readlink(new):
				continue
		elif new.is_file():
			same_mode = old.exists() and (old.stat().st_mode ^ new.stat().st_mode) & 0o100 == 0
			if old.is_file() and not old.is_symlink() and same_mode and filecmp.cmp(old, new, shallow=False):
				continue
		else:
			continue
		if old.is_dir() and not old.is_symlink():
			shutil.rmtree(old)
		old.parent.mkdir(parents=True, exist_ok=True)
		part = old.with_name(f".{old.name}.part")
		if part.is_symlink() or part.exists():
			part.unlink()
		shutil.copy2(new, part, follow_symlinks=False)
		os.replace(part, old)
		changed = True
	return changed


# Runs as the bench's user, from the command line of a plain Python: the clone may be out of its reach.
UNPACK = """
import io, os, shutil, sys, tarfile, time
folder, name = sys.argv[1:]
data = sys.stdin.buffer.read()
target = os.path.join(folder, name)
if not os.path.isdir(target):
	os.makedirs(folder, exist_ok=True)
	part = os.path.join(folder, f".{name}.{os.getpid()}")
	with tarfile.open(fileobj=io.BytesIO(data)) as archive:
		for member in archive.getmembers():
			member.uid = member.gid = os.getuid()
			member.uname = member.gname = ""
			member.mode |= 0o644
		archive.extractall(part)
	os.rename(part, target)
os.utime(target)
for other in os.listdir(folder):
	path = os.path.join(folder, other)
	if other != name and time.time() - os.path.getmtime(path) > 86400:
		shutil.rmtree(path, ignore_errors=True)
"""
