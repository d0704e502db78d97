"""`python -m archbuilder` is the command `archbuilder`."""

from archbuilder.cli import main

if __name__ == "__main__":
    main()
