"""The built image on an emulated board: started, fed, reset at random moments. `python -m tests.board --help`."""
