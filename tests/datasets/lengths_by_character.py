"""A stand-in for the tokenizer: one token a character of the answer, one a cell of the pictures."""


class Characters:
    """Lengths without a model."""

    fingerprint = "characters"

    def __call__(self, talk):
        return self.text_tokens(talk.target)

    def text_tokens(self, text):
        return len(text)
