"""The programs that show a judgement again."""
