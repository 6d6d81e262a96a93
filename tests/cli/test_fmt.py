"""``crncompile fmt``: files in place, links and permissions kept, and what is said."""

import pytest

NEAT = "network a\ntemperature 1 K\n"
UNTIDY = "network   a\ntemperature 1K # cold\n"
TIDIED = "network a\ntemperature 1 K  # cold\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "neat.tnet").write_text(NEAT)
    (tmp_path / "untidy.tnet").write_text(UNTIDY)
    (tmp_path / "wrong.tnet").write_text("network a\nresrvoir b\n")
    return tmp_path


def test_in_place(crn, files):
    (files / "untidy.tnet").chmod(0o640)
    (files / "link.tnet").symlink_to(files / "untidy.tnet")
    result = crn("fmt", "neat.tnet", "link.tnet")
    assert (result.exit_code, result.stdout) == (0, "link.tnet\n")
    assert result.stderr == "1 of 2 files changed\n"
    assert (files / "untidy.tnet").read_text() == TIDIED
    assert (files / "untidy.tnet").stat().st_mode & 0o777 == 0o640
    assert (files / "link.tnet").is_symlink()
    assert crn("fmt", "link.tnet").stderr == "nothing changes\n"


def test_check_and_diff_write_nothing(crn, files):
    result = crn("fmt", "--check", "neat.tnet", "untidy.tnet")
    assert (result.exit_code, result.stdout) == (1, "untidy.tnet\n")
    assert result.stderr == "1 of 2 files would change\n"
    assert crn("fmt", "--check", "neat.tnet").exit_code == 0
    result = crn("fmt", "--diff", "untidy.tnet")
    assert result.exit_code == 0
    assert "-network   a\n-temperature 1K # cold\n+network a\n+temperature 1 K  # cold\n" in result.stdout
    assert (files / "untidy.tnet").read_text() == UNTIDY


def test_a_file_with_mistakes_is_left_alone_and_the_others_are_not(crn, files, golden):
    result = crn("fmt", "wrong.tnet", "untidy.tnet", "none.tnet")
    assert (result.exit_code, result.stdout) == (1, "untidy.tnet\n")
    golden.check("cli/fmt/mistakes.txt", result.stderr.strip())
    assert (files / "wrong.tnet").read_text() == "network a\nresrvoir b\n"
    assert (files / "untidy.tnet").read_text() == TIDIED


def test_line_ends_stay_and_a_byte_order_mark_goes(crn, files):
    (files / "win.tnet").write_bytes(b"\xef\xbb\xbfnetwork  a\r\ntemperature 1 K\r\n")
    assert crn("fmt", "win.tnet").exit_code == 0
    assert (files / "win.tnet").read_bytes() == b"network a\r\ntemperature 1 K\r\n"


def test_a_full_disk_is_a_sentence(crn, files, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    result = crn("fmt", "untidy.tnet")
    assert result.exit_code == 1
    assert "error: untidy.tnet can not be written: No space left on device\n" in result.stderr
    assert (files / "untidy.tnet").read_text() == UNTIDY
    assert len(list(files.iterdir())) == 3
