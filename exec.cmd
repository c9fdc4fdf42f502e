@rem The scripts of package.json say `exec node ...`, so that a signal to npm reaches Node and no shell in between. Windows has no such word: this is it.
@%*
