"""One target under atheris: `python -m tests.fuzz.engine TARGET [libFuzzer's options, folders]`. Ends the process."""

import sys

INSTRUMENTED = ("comatrix", "comatrix_lora", "comatrix_node", "tests.fuzz.planted")


def main(arguments: list[str]) -> None:
    """Import everything instrumented, then fuzz."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.planted import PLANTED
        from tests.fuzz.targets import EVERY

    name, *options = arguments
    (target,) = [one for one in (*EVERY, PLANTED) if one.name == name]
    atheris.Setup([sys.argv[0], *options], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
