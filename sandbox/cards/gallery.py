"""The gallery: one of each widget and property that Google's cards have, and of each value that they may take."""

from typing import Any

from sandbox.cards.card_rules import KNOWN_ICONS

Json = dict[str, Any]

ADDRESS = "https://addon.example"
"""An add-on that is not there: the page answers in its place."""

GO: Json = {"action": {"function": f"{ADDRESS}/go", "parameters": [{"key": "id", "value": "7"}], "loadIndicator": "SPINNER"}}
SUGGEST: Json = {"function": f"{ADDRESS}/suggest"}
CHANGED: Json = {"function": f"{ADDRESS}/changed", "loadIndicator": "NONE"}
PINE = f"{ADDRESS}/pine.png"
GREEN: Json = {"red": 0.1, "green": 0.5, "blue": 0.25, "alpha": 1}
BLUE: Json = {"red": 0.1, "green": 0.4, "blue": 0.8}
WHITE: Json = {"red": 1, "green": 1, "blue": 1}
LONG = (
    "A paragraph that goes on: Ada wrote of the renewal, of the pilot in Lyon, of an invoice in two parts, and of who signs it."
)
EPOCH = "1795996800000"
OFFERED: Json = {"items": [{"text": "Lovelace"}, {"text": "Hopper"}]}


def gallery() -> list[Json]:
    """{"title", "card", "elsewhere"}: each card, and whether it shows what add-ons do not have (the panel then has red notes)."""
    made = {
        "Header, menu and footer": _frame(),
        "A card that peeks": _peek(),
        "Sections": _sections(),
        "Text": _text(),
        "Decorated text": _decorated(),
        "Icons": _icons(),
        "Buttons": _buttons(),
        "What a click does": _clicks(),
        "Images and grids": _grids(),
        "Chips": _chips(),
        "Text fields": _text_fields(),
        "Choices": _choices(),
        "Dates": _dates(),
    }
    elsewhere = {
        "Only in dialogs of drafts and of Calendar": _columns(),
        "Only in Google Chat": _chat(),
        "A dialog of Google Chat": _dialog(),
        "Only in Google Workspace Studio": _studio(),
    }
    return [
        {"title": title, "card": card, "elsewhere": cards is elsewhere}
        for cards in (made, elsewhere)
        for title, card in cards.items()
    ]


def _card(*widgets: Json, title: str = "", **more: Any) -> Json:
    return ({"header": {"title": title}} if title else {}) | {"sections": [{"widgets": list(widgets)}], **more}


def _paragraph(text: str, **more: Any) -> Json:
    return {"textParagraph": {"text": text}, **more}


def _frame() -> Json:
    return {
        "name": "frame",
        "header": {
            "title": "Ada Lovelace",
            "subtitle": "Head of Procurement",
            "imageUrl": PINE,
            "imageType": "SQUARE",
            "imageAltText": "Ada Lovelace",
        },
        "sectionDividerStyle": "SOLID_DIVIDER",
        "sections": [
            {"header": "A <b>section</b>", "widgets": [_paragraph("A line divides it from the next.")]},
            {"widgets": [_paragraph("The menu above has two actions of this card.")]},
        ],
        "cardActions": [{"actionLabel": "Say hello", "onClick": GO}, {"actionLabel": "Say goodbye", "onClick": GO}],
        "fixedFooter": {
            "primaryButton": {"text": "Save", "color": BLUE, "onClick": GO},
            "secondaryButton": {"text": "Cancel", "color": WHITE, "onClick": GO},
        },
    }


def _peek() -> Json:
    front = {"title": "Looks up from the foot", "imageUrl": PINE, "imageType": "CIRCLE"}
    peeking = _card(
        _paragraph("It was at the foot of the panel."), title="Opened", name="peeking", displayStyle="PEEK", peekCardHeader=front
    )
    replacing = _card(_paragraph("It takes the place of the first."), title="In its place", displayStyle="REPLACE")
    opens = [
        {"text": "Peek", "onClick": {"card": peeking}},
        {"text": "Replace", "onClick": {"card": replacing}},
    ]
    return _card({"buttonList": {"buttons": opens}}, title="Another card")


def _sections() -> Json:
    def folded(place: str) -> Json:
        control = {
            "horizontalAlignment": place,
            "expandButton": {"text": f"All of them ({place.lower()})", "icon": {"knownIcon": "DESCRIPTION"}},
            "collapseButton": {"text": "Fewer"},
        }
        return {
            "header": f"Folded, {place.lower()}",
            "collapsible": True,
            "uncollapsibleWidgetsCount": 1,
            "collapseControl": control,
            "widgets": [_paragraph("In sight"), _paragraph("Folded")],
        }

    return {
        "header": {"title": "No dividers", "imageUrl": PINE, "imageType": "CIRCLE", "imageAltText": "Pine Tree"},
        "sectionDividerStyle": "NO_DIVIDER",
        "sections": [folded(place) for place in ("START", "CENTER", "END")],
    }


def _text() -> Json:
    marked = (
        "<b>bold</b> <i>italic</i> <u>underlined</u> <s>struck</s> <code>code</code> "
        f'<font color="#b3261e">red</font> <a href="{ADDRESS}/page">a link</a><br>a new line'
    )
    return _card(
        _paragraph(marked),
        {"divider": {}},
        {"textParagraph": {"text": LONG, "maxLines": 2}},
        {"textParagraph": {"text": "One line is not folded.", "maxLines": 2}},
        *(_paragraph(f"At the {place.lower()}", horizontalAlignment=place) for place in ("START", "CENTER", "END")),
    )


def _decorated() -> Json:
    def switch(kind: str, name: str) -> Json:
        control = {"name": name, "value": "on", "selected": True, "controlType": kind, "onChangeAction": CHANGED}
        return {"decoratedText": {"text": f"With a {kind.lower()}", "switchControl": control}}

    return _card(
        {
            "decoratedText": {
                "startIcon": {"knownIcon": "EMAIL", "altText": "Mail"},
                "topLabel": "Above",
                "text": "Text <b>with markup</b>",
                "bottomLabel": "Below",
            }
        },
        {"decoratedText": {"text": LONG}},
        {"decoratedText": {"text": LONG, "wrapText": True}},
        {"decoratedText": {"icon": {"knownIcon": "PERSON"}, "text": "The old name of the start icon"}},
        {
            "decoratedText": {
                "text": "Opens, with an end icon",
                "endIcon": {"knownIcon": "STAR", "altText": "Star"},
                "onClick": GO,
            }
        },
        {"decoratedText": {"text": "With a button", "button": {"text": "Call", "onClick": GO}}},
        switch("SWITCH", "switch"),
        switch("CHECK_BOX", "check_box"),
        switch("CHECKBOX", "checkbox"),
    )


def _icons() -> Json:
    shapes = [
        {
            "decoratedText": {
                "startIcon": {"iconUrl": PINE, "altText": "Pine Tree", "imageType": shape},
                "text": f"A picture, {shape}",
            }
        }
        for shape in ("SQUARE", "CIRCLE")
    ]
    known = [{"label": name.lower(), "icon": {"knownIcon": name}, "onClick": GO} for name in KNOWN_ICONS]
    return _card(*shapes, {"chipList": {"chips": known}})


def _buttons() -> Json:
    email = {"knownIcon": "EMAIL"}
    menu = {
        "items": [
            {"text": "In the menu", "startIcon": email, "onClick": GO},
            {"text": "Off", "disabled": True, "onClick": GO},
        ]
    }
    return _card(
        {
            "buttonList": {
                "buttons": [
                    {"text": "Green", "color": GREEN, "onClick": GO},
                    {"text": "Off", "disabled": True, "onClick": GO},
                    {"text": "Write", "icon": email, "altText": "Write a mail", "onClick": GO},
                    {"icon": email, "altText": "Write", "onClick": GO},
                    {"text": "More", "onClick": {"overflowMenu": menu}},
                ]
            }
        },
    )


def _clicks() -> Json:
    def link(opens: str, closes: str) -> Json:
        return {"openLink": {"url": f"{ADDRESS}/page", "openAs": opens, "onClose": closes}}

    def act(**more: Any) -> Json:
        return {"action": {"function": f"{ADDRESS}/go", **more}}

    buttons = {
        "A page": link("FULL_SIZE", "NOTHING"),
        "Over this page": link("OVERLAY", "RELOAD"),
        "A link that is made": {"openDynamicLinkAction": {"function": f"{ADDRESS}/link"}},
        "Waits": act(loadIndicator="SPINNER"),
        "Does not show it": act(loadIndicator="NONE"),
        "Keeps the form": act(persistValues=True),
        "Needs the word": act(requiredWidgets=["needed"]),
        "Needs all": act(allWidgetsAreRequired=True),
    }
    return _card(
        {"textInput": {"name": "needed", "label": "A word"}},
        {"buttonList": {"buttons": [{"text": text, "onClick": click} for text, click in buttons.items()]}},
    )


def _grids() -> Json:
    def cell(kind: str, **more: Any) -> Json:
        picture = {"imageUri": PINE, "altText": "Pine Tree", "cropStyle": {"type": kind, **more}}
        return {"id": kind, "title": kind.replace("_", " ").lower(), "subtitle": "Crop", "layout": "TEXT_BELOW", "image": picture}

    crops = [cell("SQUARE"), cell("CIRCLE"), cell("RECTANGLE_4_3"), cell("RECTANGLE_CUSTOM", aspectRatio=2.5)]
    stroke = {"type": "STROKE", "strokeColor": GREEN, "cornerRadius": 12}
    framed = {"imageUri": PINE, "altText": "Pine Tree", "borderStyle": stroke}
    above = [{"title": "Above", "layout": "TEXT_ABOVE", "image": framed} for _ in range(3)]
    return _card(
        {"image": {"imageUrl": PINE, "altText": "Old Map", "onClick": GO}},
        {"grid": {"title": "Crops", "columnCount": 2, "items": crops, "onClick": GO, "borderStyle": {"type": "NO_BORDER"}}},
        {"grid": {"title": "Strokes", "columnCount": 3, "items": above, "borderStyle": stroke}},
    )


def _columns() -> Json:
    tall = [_paragraph("A column"), _paragraph("of three"), _paragraph("lines")]

    def beside(upright: str, across: str, size: str) -> Json:
        words = [_paragraph(f"{upright.lower()}, {across.lower()}")]
        place = {"verticalAlignment": upright, "horizontalAlignment": across, "horizontalSizeStyle": size}
        return {"columns": {"columnItems": [{"widgets": tall}, {"widgets": words, **place}]}}

    each: list[Json] = [
        {"buttonList": {"buttons": [{"text": "Button", "onClick": GO}]}},
        {"chipList": {"chips": [{"label": "Chip", "onClick": GO}]}},
        {"dateTimePicker": {"name": "column_date", "label": "Date", "type": "DATE_ONLY"}},
        {"decoratedText": {"text": "Decorated"}},
        {"image": {"imageUrl": PINE, "altText": "Pine Tree"}},
        {"selectionInput": {"name": "column_choice", "label": "Choice", "items": [{"text": "One", "value": "1"}]}},
        {"textInput": {"name": "column_text", "label": "Text"}},
        _paragraph("Paragraph"),
    ]
    return _card(
        beside("TOP", "START", "FILL_AVAILABLE_SPACE"),
        beside("CENTER", "CENTER", "FILL_AVAILABLE_SPACE"),
        beside("BOTTOM", "END", "FILL_MINIMUM_SPACE"),
        {"columns": {"columnItems": [{"widgets": each[:4]}, {"widgets": each[4:]}]}},
    )


def _chips() -> Json:
    def chips(layout: str) -> Json:
        made: list[Json] = [
            {"label": "Label", "onClick": GO},
            {"label": "With an icon", "icon": {"knownIcon": "STAR"}, "altText": "Chip with a star", "onClick": GO},
            {"icon": {"knownIcon": "PHONE"}, "altText": "Call", "onClick": GO},
            {"label": "Off", "disabled": True, "onClick": GO},
            {"label": "Not enabled", "enabled": False, "onClick": GO},
        ]
        return {"chipList": {"layout": layout, "chips": made}}

    return _card(_paragraph("Wrapped"), chips("WRAPPED"), _paragraph("In one line"), chips("HORIZONTAL_SCROLLABLE"))


def _text_fields() -> Json:
    def valid(kind: str) -> Json:
        return {
            "textInput": {"name": f"valid_{kind}", "label": kind.lower(), "validation": {"inputType": kind, "characterLimit": 40}}
        }

    return _card(
        {
            "textInput": {
                "name": "line",
                "label": "One line",
                "type": "SINGLE_LINE",
                "value": "Filled in",
                "hintText": "A hint below",
            }
        },
        {"textInput": {"name": "lines", "label": "Several lines", "type": "MULTIPLE_LINE", "onChangeAction": CHANGED}},
        {"textInput": {"name": "offered", "label": "Suggestions of the card", "initialSuggestions": OFFERED}},
        {"textInput": {"name": "asked", "label": "Suggestions of the add-on", "autoCompleteAction": SUGGEST}},
        *(valid(kind) for kind in ("TEXT", "INTEGER", "FLOAT", "EMAIL", "EMOJI_PICKER")),
    )


def _choices() -> Json:
    items = [
        {"text": "Blue", "value": "b", "selected": True, "bottomText": "As the sky", "startIconUri": PINE},
        {"text": "Red", "value": "r", "selected": False},
    ]

    def choice(kind: str, **more: Any) -> Json:
        named = {"name": kind.lower(), "label": kind.replace("_", " ").lower(), "type": kind}
        return {"selectionInput": {**named, "items": items, **more}}

    return _card(
        *(choice(kind, onChangeAction=CHANGED) for kind in ("CHECK_BOX", "RADIO_BUTTON", "SWITCH", "DROPDOWN")),
        choice("MULTI_SELECT", multiSelectMaxSelectedItems=2, multiSelectMinQueryLength=1),
    )


def _dates() -> Json:
    def date(kind: str, **more: Any) -> Json:
        named = {"name": kind.lower(), "label": kind.replace("_", " ").lower(), "type": kind}
        return {"dateTimePicker": {**named, "valueMsEpoch": EPOCH, **more}}

    return _card(date("DATE_AND_TIME", timezoneOffsetDate=330, onChangeAction=CHANGED), date("DATE_ONLY"), date("TIME_ONLY"))


def _chat() -> Json:
    first = {"widgets": [_paragraph("First of the carousel")], "footerWidgets": [_paragraph("At its foot")]}
    pictured = {"image": {"imageUrl": PINE, "altText": "Pine Tree"}}
    pressed = {"buttonList": {"buttons": [{"text": "Second", "onClick": GO}]}}
    label = {"text": "A <b>label</b>"}
    asking = {"label": "Asks a source", "type": "MULTI_SELECT"}
    kinds = ("FILLED", "FILLED_TONAL", "OUTLINED", "BORDERLESS")
    return _card(
        {"carousel": {"carouselCards": [first, {"widgets": [pictured, pressed]}]}},
        *(
            {
                "decoratedText": {
                    "startIcon": {"materialIcon": {"name": "call", "fill": True, "weight": 600, "grade": 200}},
                    "startIconVerticalAlignment": place,
                    "topLabelText": label,
                    "contentText": {"text": f"Icon at the {place.lower()}"},
                    "bottomLabelText": label,
                }
            }
            for place in ("TOP", "MIDDLE", "BOTTOM")
        ),
        {"buttonList": {"buttons": [{"text": kind.lower(), "type": kind, "onClick": GO} for kind in kinds]}},
        {"textParagraph": {"text": "**Markdown** and <b> as they stand", "textSyntax": "MARKDOWN"}},
        {"textParagraph": {"text": "<b>HTML</b>, said so", "textSyntax": "HTML"}},
        {"textInput": {"name": "placeholder", "label": "With a placeholder", "placeholderText": "A number from 0 to 100"}},
        {"selectionInput": {**asking, "name": "asked", "externalDataSource": SUGGEST}},
        {"selectionInput": {**asking, "name": "people", "platformDataSource": {"commonDataSource": "USER"}}},
        title="Only in Google Chat",
    )


def _dialog() -> Json:
    opens = {"action": {"function": f"{ADDRESS}/go", "interaction": "OPEN_DIALOG"}}
    return _card({"buttonList": {"buttons": [{"text": "Open a dialog", "onClick": opens}]}}, title="Stripped")


def _studio() -> Json:
    mails: Json = {"workflowDataSource": {"type": "USER", "includeVariables": True}}
    hides: Json = {"actionRuleId": "hide", "commonWidgetAction": {"updateVisibilityAction": {"visibility": "HIDDEN"}}}
    expression: Json = {"id": "known", "expression": "true", "eventActions": [hides]}
    chosen: Json = {"name": "hinted", "label": "With a hint", "type": "DROPDOWN", "items": [{"text": "One", "value": "1"}]}
    widgets: list[Json] = [
        _paragraph("It has an id", id="named"),
        _paragraph("In sight", visibility="VISIBLE"),
        _paragraph("Out of sight", visibility="HIDDEN"),
        _paragraph("Something happens to it", eventActions=[hides]),
        {"selectionInput": {**chosen, "hintText": "A hint"}},
        {
            "selectionInput": {
                "name": "configured",
                "label": "Asks from the first letter on",
                "type": "MULTI_SELECT",
                "dataSourceConfigs": [{"remoteDataSource": SUGGEST, "minCharactersTrigger": 1}],
            }
        },
        {"textInput": {"name": "host_text", "label": "Text from Gmail", "hostAppDataSource": mails}},
        {"dateTimePicker": {"name": "host_date", "label": "Date from Gmail", "type": "DATE_ONLY", "hostAppDataSource": mails}},
    ]
    header = {"title": "Only in Google Workspace Studio"}
    return {"header": header, "sections": [{"id": "all", "widgets": widgets}], "expressionData": [expression]}
