"""`trivet models`: add a model to inference.yaml, list them, fetch them into the store."""

from __future__ import annotations

import argparse
import errno
import re
import shutil
from pathlib import Path

from trivet.bundle.layout import Layout
from trivet.bundle.model_facts import Files, ModelFacts, describe_files, model_files
from trivet.bundle.model_source import file_digest, files_digest, keep, resolve
from trivet.bundle.modelpack import param_size, stored_layers
from trivet.bundle.models import model_cache, pull_models
from trivet.bundle.packaged_models import SCHEME
from trivet.cli.model_entry import Value, spec_with_model, write_spec
from trivet.cli.progress import say
from trivet.cli.project import Project, add_project_argument, project_of
from trivet.errors import IntegrityError, ModelError
from trivet.spec.runtime import FORMATS

DEFAULT_CONTEXT = 8192  # tokens; a model may take more, but its cache then takes memory from the start
UNKNOWN_LICENCE = "add --licence with the SPDX identifier that the publisher names"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("models", help="add, list and fetch models")
    commands = parser.add_subparsers(metavar="ACTION", required=True)

    add = commands.add_parser("add", help="check a model's files and add it to inference.yaml")
    add.add_argument(
        "source", metavar="PATH|URL", help="a .gguf file, a folder of safetensors (an address of one ends in /)"
    )
    add.add_argument("--name", help="what clients call it (default: from the file)")
    add.add_argument("--licence", help="as the publisher names it, e.g. Apache-2.0 (default: from the file)")
    add.add_argument(
        "--context-length", type=int, metavar="TOKENS", help=f"default: the model's, at most {DEFAULT_CONTEXT}"
    )
    add.add_argument("--gpu-memory", type=int, metavar="MiB", help="default: 0 with llama; an estimate with vllm")
    add_project_argument(add)
    add.set_defaults(run=run_add)

    show = commands.add_parser("list", help="the models of inference.yaml, and whether the store holds them")
    add_project_argument(show)
    show.set_defaults(run=run_list)

    pull = commands.add_parser("pull", help="fetch and check what the store does not hold yet")
    add_project_argument(pull)
    pull.set_defaults(run=run_pull)


def run_add(args: argparse.Namespace) -> int:
    """Find or fetch the weights, read what they say, and append the entry: all of it, or nothing."""
    project = project_of(args)
    if args.source.startswith(("https://", SCHEME)):
        source, files, digest = args.source, *resolve(args.source, None, project.root, model_cache(project.store), say)
        facts = _describe_fetched(files)
        keep(files, digest, model_cache(project.store))
    else:
        files = _local_files(Path(args.source))
        facts = describe_files(files)
        source, digest = _place(project, Path(args.source)), _digest(files)
    entry = _entry(args, facts, source, digest)
    text = spec_with_model(project.spec_file, entry)
    if "://" not in source and not source.startswith(SCHEME):
        _require_copy(project.root / source, Path(args.source), digest)
    write_spec(project.spec_file, text)
    size = f"{param_size(facts.parameters)} parameters, {facts.size / 1e6:,.1f} MB"
    print(f"added {entry['name']}: {facts.architecture}, {size}")
    print("next: `trivet build` (or `trivet lock`, where the images are built), then `pulumi up`")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print a table."""
    project = project_of(args)
    layout = Layout(project.store) if (project.store / "oci-layout").is_file() else None
    rows = [("NAME", "KIND", "RUNTIME", "FORMAT", "CONTEXT", "LICENCE", "SIZE", "SOURCE")]
    for model in project.spec().models:
        layers = stored_layers(layout, model) if layout else {}
        size = f"{sum(layer.size for layer in layers.values()) / 1e6:,.1f} MB" if layers else "not pulled"
        quantised = f"{model.format} {model.quantisation}"
        rows.append(
            (
                model.name,
                model.kind,
                model.runtime,
                quantised,
                str(model.context_length),
                model.licence,
                size,
                model.source,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def run_pull(args: argparse.Namespace) -> int:
    """Fill the store."""
    project = project_of(args)
    models = project.spec().models
    locked = pull_models(models, project.store, project.root, say)
    say(f"{len(locked)} models in {project.store}; next: `trivet lock`")
    return 0


def _describe_fetched(files: Files) -> ModelFacts:
    """Read the facts; what is no model is not kept for the next try."""
    try:
        return describe_files(files)
    except (IntegrityError, ModelError):
        for path in files.values():
            path.unlink()
        raise


def _local_files(path: Path) -> dict[str, Path]:
    if not path.exists():
        raise ModelError(value=str(path), rule="the weights are there", remedy="check the path")
    return model_files(path)


def _digest(files: Files) -> str:
    return files_digest({name: file_digest(path) for name, path in files.items()})


def _place(project: Project, path: Path) -> str:
    """Where the weights lie below the project: where they are, or in `models/` if they come from outside."""
    resolved = path.resolve()
    if resolved.is_relative_to(project.root) and not resolved.is_relative_to(project.work):
        return resolved.relative_to(project.root).as_posix()
    return f"models/{resolved.name}"


def _require_copy(target: Path, path: Path, digest: str) -> None:
    """Copy weights from outside the project, unless they are there already."""
    if target.exists():
        if _digest(model_files(target)) != digest:
            raise ModelError(value=str(target), rule="a copy overwrites nothing", remedy="rename the one or the other")
        return
    say(f"copying to {target}")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for name, file in model_files(path).items():
            shutil.copyfile(file, partial / name)
    except OSError as exc:
        shutil.rmtree(partial)
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise ModelError(
            value=str(target), rule="the disk has room for a copy", remedy="free space and run the command again"
        ) from exc
    if path.is_dir():
        partial.rename(target)
    else:
        (partial / path.name).rename(target)
        partial.rmdir()


def _entry(args: argparse.Namespace, facts: ModelFacts, source: str, digest: str) -> dict[str, Value]:
    licence = args.licence or facts.licence
    if not licence:
        raise ModelError(value=args.source, rule="a model has a licence; the file names none", remedy=UNKNOWN_LICENCE)
    runtime = next(name for name, form in FORMATS.items() if form == facts.format)
    entry: dict[str, Value] = {
        "name": args.name or default_name(source, facts),
        "kind": facts.kind,
        "source": source,
        "format": facts.format,
        "quantisation": facts.quantisation,
        "licence": licence,
        "digest": digest,
        "contextLength": args.context_length or min(facts.context_length, DEFAULT_CONTEXT),
        "runtime": runtime,
    }
    if facts.kind == "embedding":
        entry["dimensions"] = facts.dimensions
    memory = facts.gpu_memory_mib if args.gpu_memory is None and runtime == "vllm" else args.gpu_memory
    if memory:
        entry["gpuMemoryMiB"] = memory
    return entry


def default_name(source: str, facts: ModelFacts) -> str:
    """A name for clients from the file's: `Qwen2.5-0.5B-Instruct-Q4_K_M.gguf` is `qwen2.5-0.5b-instruct-q4-k-m`.

    Of a hub's folder (`…/Qwen3-4B/resolve/main/`) it is the repository's name.
    """
    last = re.sub(r"/resolve/[^/]+/?$", "", source).removesuffix("/").rpartition("/")[2].removesuffix(".gguf")
    return re.sub(r"[^a-z0-9.]+", "-", (last or facts.name).lower()).strip("-.")[:48].strip("-.")
