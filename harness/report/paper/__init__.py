"""What a paper, a pull request or a mail needs of the results."""
