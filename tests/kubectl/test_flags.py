"""Are flags parsed as pflag parses them?"""

from __future__ import annotations

import pytest

from minikube_edu.kubectl.flags import Flag, FlagError, HelpWanted, Values, parse, without_flags

FLAGS = (
    Flag("namespace", short="n"),
    Flag("output", short="o"),
    Flag("stdin", "bool", short="i"),
    Flag("tty", "bool", short="t"),
    Flag("replicas", "int32", short="r", default=1),
    Flag("image", "strings"),
    Flag("env", "array"),
    Flag("dry-run", default="none", no_value="unchanged"),
    Flag("record", "bool", deprecated="--record will be removed in the future"),
)


def given(*words: str) -> Values:
    return parse(FLAGS, words)


@pytest.mark.parametrize("words", [["-o", "yaml"], ["-oyaml"], ["-o=yaml"], ["--output", "yaml"], ["--output=yaml"]])
def test_is_a_value_read_in_every_way_it_can_be_written(words: list[str]) -> None:
    assert given("get", *words, "pods")["output"] == "yaml"
    assert given("get", *words, "pods").args == ["get", "pods"]


def test_do_short_flags_stand_together() -> None:
    values = given("-it", "web")
    assert values["stdin"] is True
    assert values["tty"] is True
    assert values.args == ["web"]


def test_are_words_behind_two_dashes_left_alone() -> None:
    values = given("web", "--", "sh", "-c", "--output")
    assert values.args == ["web", "sh", "-c", "--output"]
    assert values.dash == 1


def test_do_lists_grow_and_are_only_some_split_at_commas() -> None:
    values = given("--image=a,b", "--image", "c", "--env", "A=1,2")
    assert values["image"] == ["a", "b", "c"]
    assert values["env"] == ["A=1,2"]


def test_does_a_flag_with_a_meaning_of_its_own_take_no_word() -> None:
    values = given("--dry-run", "web")
    assert values["dry-run"] == "unchanged"
    assert values.args == ["web"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["--output"], "flag needs an argument: --output"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (
            ["--tty=maybe"],
            'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (
            ["-r", "two"],
            'invalid argument "two" for "-r, --replicas" flag: strconv.ParseInt: parsing "two": invalid syntax',
        ),
    ],
)
def test_are_mistakes_told_in_its_words(words: list[str], complaint: str) -> None:
    with pytest.raises(FlagError) as caught:
        given(*words)
    assert str(caught.value) == complaint


def test_is_help_asked_for_by_both_names() -> None:
    for word in ("-h", "--help"):
        with pytest.raises(HelpWanted):
            given(word)


def test_is_one_warned_of_what_is_deprecated() -> None:
    assert given("--record").warnings == ["Flag --record has been deprecated, --record will be removed in the future"]


def test_is_an_unknown_flag_taken_to_have_a_value_while_the_command_is_looked_for() -> None:
    names = {flag.name: flag for flag in FLAGS}
    short = {flag.short: flag for flag in FLAGS if flag.short}
    words = ["-n", "x", "--bogus", "value", "-i", "get"]
    assert without_flags(names, short, words) == [(5, "get")]
