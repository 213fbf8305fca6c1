"""Levels, probes, quantities and sources from outside: files of a project, and installed packages.

What they hold registers itself when they are loaded, as the bench's own files do. Every process that looks for levels
loads them first. Their source is a part of fingerprints like the bench's own.
"""

import ast
import hashlib
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from harness.core.errors import SettingError
from harness.source.libraries import version
from harness.source.syntax import imports_of

GROUP = "harness"
# The stages of dvc.yaml that look for levels, and what tells them of other versions of installed packages.
STAGES = ("prepare", "preflight", "train", "procedures", "report")
INSTALLED = "data/installed.json"


@dataclass(frozen=True)
class Plugin:
    """A module, and the file or folder that its source is in: of the module itself, or of the package around it."""

    module: str
    root: Path
    installed: bool = False

    @property
    def package(self) -> str:
        """The name of what `root` is."""
        return self.module.partition(".")[0]


# By module, in the order in which they were loaded.
LOADED: dict[str, Plugin] = {}


def load(files: Sequence[str], project: Path = Path()) -> None:
    """Load these files of a project, and what installed packages name in the group `harness` of entry points.

    SettingError if one lies outside of the project, fails, or could change without anybody noticing.
    """
    plugins = [of_file(file, project.resolve()) for file in files]
    names = [one.module for one in plugins]
    for one, file in zip(plugins, files, strict=True):
        if names.count(one.module) > 1:
            raise SettingError(f"params.yaml: plugins has two files of the name {one.module}; rename {file}")
        check_imports(one, names, project.resolve())
    plugins += [of_entry_point(one) for one in metadata.entry_points(group=GROUP)]
    check_noticed(plugins, project)
    register(plugins)


def of_file(file: str, project: Path) -> Plugin:
    """Return the plugin that a file of the project is."""
    path = (project / file).resolve()
    if Path(file).is_absolute() or project not in path.parents:
        raise SettingError(f"params.yaml: plugins: {file} lies outside of the project; copy it here")
    if not path.is_file():
        raise SettingError(f"params.yaml: plugins: there is no file {file}")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise SettingError(f"params.yaml: plugins: {file} can't be imported; give it a name such as my_levels.py")
    found = find_spec(path.stem)
    if found and Path(found.origin or "").resolve() != path:
        raise SettingError(f"params.yaml: plugins: {path.stem} is the name of an installed module too; rename {file}")
    return Plugin(path.stem, path)


def of_entry_point(entry: metadata.EntryPoint) -> Plugin:
    """Return the plugin that an installed package names."""
    found = find_spec(entry.module.partition(".")[0])
    folders = list(found.submodule_search_locations or []) if found else []
    origin = folders[0] if folders else found.origin if found else None
    if origin is None:
        raise SettingError(f"an installed package names {entry.value!r}, which isn't there; install it again")
    return Plugin(entry.module, Path(origin).resolve(), installed=True)


def check_imports(plugin: Plugin, plugins: Sequence[str], project: Path) -> None:
    """Refuse an import of what is neither installed nor a plugin: its changes would be in no fingerprint."""
    try:
        tree = ast.parse(plugin.root.read_bytes())
    except SyntaxError as error:
        raise SettingError(f"{plugin.root.relative_to(project)}:{error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in {one.partition(".")[0] for one in imports_of(node, plugin.module)[1]}:
            known = {"harness", *plugins, *sys.stdlib_module_names}
            if name not in known and find_spec(name) and not version(name):
                raise SettingError(
                    f"{plugin.root.relative_to(project)}:{node.lineno} imports {name}, whose changes nobody would "
                    "notice: it is no installed package; add it to plugins in params.yaml"
                )


def check_noticed(plugins: Iterable[Plugin], project: Path) -> None:
    """Refuse what could change without a stage of dvc.yaml that loads it running again."""
    # Imported only where a project is read: a worker needs no YAML.
    from harness.core.config import read_yaml

    if not (project / "dvc.yaml").is_file():
        return
    stages = read_yaml(project / "dvc.yaml").get("stages", {})
    for plugin in plugins:
        wanted = project / INSTALLED if plugin.installed else plugin.root
        around = {path.resolve() for path in (wanted, *wanted.parents)}
        for stage in STAGES:
            deps = [dep for dep in stages.get(stage, {}).get("deps", []) if isinstance(dep, str)]
            if stage in stages and not any((project / dep).resolve() in around for dep in deps):
                name = wanted.resolve().relative_to(project.resolve())
                why = f" (package {plugin.package} is installed; `harness new` shows how)" if plugin.installed else ""
                raise SettingError(f"dvc.yaml: stage {stage} would not notice changes of {name}; add it to deps{why}")


def register(plugins: Iterable[Plugin]) -> None:
    """Load what isn't loaded in this process yet."""
    plugins = [one for one in plugins if one.module not in LOADED]
    if not plugins:
        return
    # They may import one another, in any order and from any working folder.
    sys.meta_path.append(Finder([one for one in plugins if not one.installed]))
    for one in plugins:
        try:
            run(one)
        except Exception as error:
            problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise SettingError(f"{place(one, error)}: {problem}") from error
        LOADED[one.module] = one


class Finder:
    """Finds plugins by the names of their files."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.paths = {one.module: one.root for one in plugins}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module is; None if it is no plugin."""
        return spec_from_file_location(name, self.paths[name]) if name in self.paths else None


def run(plugin: Plugin) -> None:
    """Import a plugin, unless another one has imported it."""
    if plugin.installed:
        metadata.EntryPoint(plugin.module, plugin.module, GROUP).load()
    elif plugin.module not in sys.modules:
        spec = spec_from_file_location(plugin.module, plugin.root)
        assert spec and spec.loader
        module = sys.modules[plugin.module] = module_from_spec(spec)
        spec.loader.exec_module(module)


def place(plugin: Plugin, error: Exception) -> str:
    """Return which line of a plugin has failed."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [str(one.lineno) for one in frames if Path(one.filename).is_relative_to(plugin.root)]
    return ":".join([f"package {plugin.package}" if plugin.installed else plugin.root.name, *lines[-1:]])


def loaded() -> tuple[Plugin, ...]:
    """Return what has been loaded in this process, for `register` in another one."""
    return tuple(LOADED.values())


def packages() -> dict[str, dict[str, str]]:
    """Return the version of every installed package, and a digest of the source of the bench and of its plugins."""
    roots = {GROUP: Path(__file__).parents[1]}
    roots |= {one.package: one.root for one in map(of_entry_point, metadata.entry_points(group=GROUP))}
    versions = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return {"versions": versions, "source": {name: digest_of(root) for name, root in roots.items()}}


def digest_of(root: Path) -> str:
    """Return a digest of all files in a folder, compiled ones aside, or of one file."""
    paths = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    found = hashlib.sha256()
    for path in paths:
        if path.suffix != ".pyc":
            found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]
