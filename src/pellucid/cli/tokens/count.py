import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args):
    return 0
