"""Which tests hold each row of the reference's hostile addresses (hostile-inputs.md, 1 to 18)."""

from __future__ import annotations

import importlib

import pytest

ROWS = {
    1: [
        "addresses.an_address_that_is_not_public_is_refused",
        "addresses.a_name_that_is_private_by_its_nature_is_refused",
        "addresses.nothing_is_sent_to_what_is_refused",
    ],
    2: ["addresses.an_address_that_is_not_public_is_refused", "addresses.a_url_is_refused_with_its_code"],
    3: ["addresses.an_address_that_is_not_public_is_refused", "addresses.a_public_address_is_let_through"],
    4: [
        "addresses.a_url_is_refused_with_its_code",
        "resolving.the_real_resolver_reads_odd_spellings_that_the_judge_then_sees",
    ],
    5: [
        "resolving.a_name_is_resolved_once_so_that_it_cannot_be_rebound",
        "resolving.one_private_answer_refuses_the_name",
    ],
    6: [
        "redirects.a_redirect_to_a_forbidden_place_is_refused",
        "redirects.a_relative_redirect_is_followed",
        "environment.a_picture_may_be_redirected_to_plain_http_and_a_page_may_not",
    ],
    7: [
        "redirects.an_endless_chain_ends",
        "redirects.four_redirects_are_followed_and_a_fifth_is_not",
        "redirects.a_location_of_a_megabyte_is_refused",
        "redirects.a_redirect_that_leads_nowhere_is_a_status",
        "redirects.a_refresh_header_is_ignored",
        "redirects.the_body_of_a_redirect_is_not_read",
    ],
    8: ["addresses.a_url_is_refused_with_its_code", "addresses.a_url_is_normalised_once_and_for_all"],
    9: [
        "addresses.a_url_is_refused_with_its_code",
        "addresses.the_host_that_was_judged_is_the_host_that_is_asked",
    ],
    10: ["addresses.a_url_is_refused_with_its_code", "addresses.an_allowed_pair_is_exempt_and_nothing_else_is"],
    11: [
        "headers.an_encoded_line_break_stays_encoded",
        "headers.a_header_value_with_control_characters_is_left_out",
    ],
    12: ["addresses.a_url_is_refused_with_its_code", "addresses.a_url_is_normalised_once_and_for_all"],
    13: [
        "bodies.an_endless_body_stops_at_the_limit",
        "bodies.ten_megabytes_are_the_usual_limit_and_little_more_is_held",
        "bodies.a_length_over_the_limit_is_refused_unread",
        "bodies.a_length_that_makes_no_sense_is_bad_headers",
        "bodies.no_more_is_read_than_the_length_says",
        "bodies.a_body_that_broke_off_is_marked",
    ],
    14: [
        "slowness.a_slow_server_costs_its_time_and_nothing_more",
        "slowness.a_tls_handshake_that_stalls_is_too_slow",
        "slowness.the_thread_is_free_after_the_deadline",
        "slowness.redirects_share_one_deadline",
    ],
    15: [
        "bodies.a_picture_in_any_coding_is_refused_unread",
        "bodies.codings_over_codings_are_refused",
        "bodies.a_bomb_is_decoded_no_further_than_the_ceiling",
        "bodies.a_page_in_a_coding_that_cannot_be_read_is_refused",
    ],
    16: ["headers.an_answer_that_is_no_http_is_refused", "headers.a_hundred_headers_are_let_through"],
    17: [
        "bodies.the_bytes_decide_whatever_the_type_says",
        "bodies.the_declared_type_decides_nothing",
        "bodies.only_status_200_counts",
    ],
    18: [
        "environment.no_proxy_of_the_environment_is_touched",
        "environment.no_password_of_a_netrc_is_sent",
        "environment.the_environment_cannot_make_a_certificate_trusted",
        "environment.a_cookie_is_not_sent_on",
        "environment.a_question_for_a_password_is_a_status_and_gets_no_answer",
        "environment.a_certificate_that_is_wrong_or_old_is_tls_failed",
        "environment.an_opt_out_binds_the_collector_and_not_a_visitors_own_address",
        "environment.another_service_that_an_answer_names_is_not_asked",
        "redirects.a_refresh_header_is_ignored",
    ],
}


def test_the_rows_are_those_of_the_reference() -> None:
    assert list(ROWS) == list(range(1, 19))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_tests_that_exist(row: int) -> None:
    for name in ROWS[row]:
        module, _, sentence = name.partition(".")
        tests = importlib.import_module(f"tests.test_fetch_{module}")
        assert callable(getattr(tests, f"test_{sentence}", None)), name
