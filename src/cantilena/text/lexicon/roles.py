"""Words for what parts are: who has the tune, who accompanies, who stays behind.

Knows pieces of patterns, in lower case and without accents; does not know sentences
(``brief.roles``).
"""

from __future__ import annotations

TUNE = (
    r"(?:(?:lead|main|vocal)\s+)?(?:melod(?:y|ies)|melodic\s+lines?|melody\s+lines?|tunes?|theme|top\s?line"
    r"|lead(?:\s+(?:lines?|parts?|roles?|voices?|vocals?))?|main\s+(?:line|part|voice)"
    r"|melodie|melodia|hauptstimme|oberstimme|thema|tema)"
)
"""What a lead plays."""
TUNE_OF_PART = (
    r"(?:(?:lead|main)\s+)?(?:melod(?:y|ies)|melodic\s+lines?|top\s?lines?|leads?(?:\s+lines?)?"
    r"|melodie|melodia)"
)
"""The same right behind the name of an instrument, where "tune" and "theme" are whole pieces."""
CHORDS = (
    r"(?:accompaniments?|backing(?!\s+(?:vocals?|track))"
    r"|(?:(?!power|block|broken|offbeat|repeated)\w+\s+)?"
    r"(?<!power )(?<!block )(?<!broken )(?<!offbeat )(?<!repeated )chords|harmon(?:y|ies)"
    r"|(?:chordal|harmonic)\s+(?:support|backing|backdrop|foundation)|begleitung|akkorde|accompagnement|accords|acompanamiento|acordes"
    r"|accompagnamento|accordi)"
)
"""What an accompaniment plays."""
COUNTER = (
    r"(?:counter[\s-]?(?:melod(?:y|ies)|lines?|themes?|subjects?)|obbligato|descants?"
    r"|gegenstimme|gegenmelodie|contrechant|contracanto|contrecanto|contramelodia)"
)
"""A second tune."""
BASS = r"bass(?:\s?lines?|\s+(?:parts?|notes?))?"
BEAT = r"(?:beat|time|pulse|tempo)"
PLAY = (
    r"(?:plays?|playing|carr(?:y|ies|ying)|takes?|taking|has|have|having|gets?|sings?|singing|"
    r"states?|stating|delivers?|delivering|performs?|performing|presents?|presenting|provides?"
    r"|providing|holds?|holding|shares?|sharing|introduces?|handles?|adds?|adding|supplies|trades?|trading|swaps?"
    r"|spielt|spielen|singt|hat|joue|jouent|chante|toca|tocan|lleva|suona|suonano|fa)"
)
PLAYED = (
    r"(?:played|carried|performed|sung|taken|given|led|stated|handled|provided|shared|presented"
    r"|supplied|kept|laid\s+down|gespielt|joue|jouee|tocad[ao]|suonat[ao])"
)
BY = (
    r"(?:on|by|in|from|through|auf|von|vom|der|in\s+der|im|par|de|du|des|au|a\s+la|aux|por|del"
    r"|en|da|dal|dalla|alla|al)"
)
ACCOMPANIED = (
    r"(?:accompanied|backed|supported|underpinned|underscored|begleitet|accompagne|accompagnee"
    r"|acompanad[ao]|accompagnat[ao])\s+(?:only\s+|mainly\s+|mostly\s+|just\s+|softly\s+|gently\s+)?"
    r"(?:by|with|von|vom|par|de|d'|por|da|dal|dalla|dagli)"
)
BEHIND = (
    r"(?:in(?:to)?\s+(?:the\s+)?back(?:ground|drop)?\b(?!\s+(?:noise|music))|far\s+back|low\s+in\s+the\s+mix"
    r"|(?:underneath|beneath|behind)(?=\s*(?:[.,;:)!]|$|it\b|them\b|him\b|her\b|that\b|everything\b))"
    r"|im\s+hintergrund|en\s+arriere[\s-]plan|en\s+fond|al\s+fondo|de\s+fondo|in\s+sottofondo)"
)
FRONT = (
    r"(?:in\s+(?:the\s+)?(?:lead|front|foreground|spotlight)|on\s+lead|up\s+front|front\s+and\s+cent(?:re|er)"
    r"|at\s+the\s+(?:front|forefront)|im\s+vordergrund|au\s+premier\s+plan"
    r"|as\s+(?:the\s+|a\s+)?(?:main|lead|leading|melody|melodic)(?:\s+(?:instrument|voice|part|line))?)"
)
NO_SOLO_PIECE = (
    r"(?!\s+(?:piece|performance|work|album|recital|repertoire|composition|arrangement|music|track|song"
    r"|sonata|suite|nocturne|etude|transcription|version))"
)
"""Behind "solo": nobody else plays, so that it is no solo over others."""
