"""``python -m animatic``: the command line, for where the script is not on the path."""

from animatic.cli import main

if __name__ == "__main__":
    main()
