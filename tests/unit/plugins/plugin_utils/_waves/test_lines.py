from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._waves.lines import Wave, wave_lines


def test_a_wave_has_its_hosts_their_services_and_what_is_down_meanwhile() -> None:
    waves = [
        Wave({"d1": ("db",)}, ("db",)),
        Wave({"w1": ("web", "cache"), "w2": ("web",), "w3": ("web",)}),
    ]
    assert list(wave_lines(waves)) == [
        "Wave 1 of 2: d1 (db); down meanwhile: db",
        "Wave 2 of 2: 3 hosts, w1 (web cache), w2 (web), w3 (web)",
    ]


def test_many_waves_of_one_kind_are_one_line_unless_something_else_is_down() -> None:
    waves = [Wave({f"w{number}": ("web",)}) for number in range(1, 21)]
    last = Wave({"d1": ("db",)}, ("db",))
    assert list(wave_lines([*waves, Wave({"w21": ("web",)}, ("web",)), last])) == [
        "Waves 1 to 20 of 22: 1 each of w[1-20] (web)",
        "Wave 21 of 22: w21 (web); down meanwhile: web",
        "Wave 22 of 22: d1 (db); down meanwhile: db",
    ]
    assert len(list(wave_lines([*waves, last], every_wave=True))) == 21


def test_what_is_down_in_each_of_many_waves_is_said_once() -> None:
    waves = [Wave({f"w{number}": ("web", "db")}, ("db",)) for number in range(1, 14)]
    assert list(wave_lines(waves)) == ["Waves 1 to 13 of 13: 1 each of w[1-13] (web db); down meanwhile: db"]
