"""The programs that reproduce a judgement."""
