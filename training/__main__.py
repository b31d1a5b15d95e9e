# ruff: noqa: T201 - commands speak on standard output
"""`python -m training`: corpora, training, evaluation, report, export, benchmark, ways to bake, photos."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from core.errors import MienError

from . import (
    ablation,
    bake_ways,
    benchmark,
    choices,
    corpus,
    evaluate,
    export,
    photos,
    report,
    settings,
    train,
    wrap_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

name = tyro.conf.subcommand
COMMANDS: dict[type[Any], Callable[[Any], int]] = {
    corpus.MakeHuman: corpus.run_makehuman,
    corpus.Ict: corpus.run_ict,
    corpus.Folder: corpus.run_folder,
    settings.Train: train.run,
    choices.Choices: choices.run,
    ablation.Ablation: ablation.run,
    evaluate.Evaluate: evaluate.run,
    report.Report: report.run,
    export.Export: export.run,
    benchmark.Benchmark: benchmark.run,
    bake_ways.BakeWays: bake_ways.run,
    wrap_numbers.Wraps: wrap_numbers.run,
    photos.PhotoAlbum: photos.run_album,
    photos.PhotoLearn: photos.run_learn,
    photos.PhotoJudge: photos.run_judge,
    photos.PhotoFigure: photos.run_figure,
}
Corpus = Annotated[
    Annotated[corpus.MakeHuman, name("makehuman")]
    | Annotated[corpus.Ict, name("ict")]
    | Annotated[corpus.Folder, name("folder")],
    name("corpus", description="Make the sequences that training reads."),
]
Command = Annotated[
    Corpus
    | Annotated[settings.Train, name("train")]
    | Annotated[choices.Choices, name("choices")]
    | Annotated[ablation.Ablation, name("ablation")]
    | Annotated[evaluate.Evaluate, name("evaluate")]
    | Annotated[report.Report, name("report")]
    | Annotated[export.Export, name("export")]
    | Annotated[benchmark.Benchmark, name("benchmark")]
    | Annotated[bake_ways.BakeWays, name("bake-ways")]
    | Annotated[wrap_numbers.Wraps, name("wraps")]
    | Annotated[photos.PhotoAlbum, name("photo-album")]
    | Annotated[photos.PhotoLearn, name("photo-learn")]
    | Annotated[photos.PhotoJudge, name("photo-judge")]
    | Annotated[photos.PhotoFigure, name("photo-figure")],
    tyro.conf.OmitSubcommandPrefixes,
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command: 0 done, 1 the work failed with one sentence, 2 the command line is wrong, 130 interrupted."""
    try:
        config: Any = tyro.cli(Command, args=arguments, prog="python -m training", description=__doc__)
        return COMMANDS[type(config)](config)
    except MienError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{problem.filename or 'A file'} cannot be read or written: {problem.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
