from policy.page import PAGE, page


def test_the_page_says_what_the_tests_check() -> None:
    assert PAGE.read_text() == page(), "run: make docs"
