"""Weight decay found during the fit, by a ladder of members of any error-signal trainer."""
