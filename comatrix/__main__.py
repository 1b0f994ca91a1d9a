"""`python -m comatrix`: the same as the `comatrix` script."""

from comatrix.gateway.cli.main import main

if __name__ == "__main__":
    main()
