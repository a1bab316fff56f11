"""The questions, one file each: cases in, a result out."""
