"""What can break between an application service and its homeserver."""

from comatrix import __version__
from comatrix.gateway.config.registration import ServiceTokens, write_tokens
from tests.gateway.doctor import sockets
from tests.gateway.doctor.breakings import breaking
from tests.gateway.doctor.patient import Patient

GARDEN = "#garden:localhost"
NOT_OURS = ("ports.unheard", "ports.address", "disk.ballast")  # lines of a gateway that only pretends to run


def _running(patient: Patient) -> None:
    sockets.control(patient.paths.socket, {"version": __version__, "live": {"listening": []}})


@breaking("token.service", "comatrix appservice")
def registration_never_given(patient: Patient) -> None:
    patient.serve()
    write_tokens(patient.paths.service_tokens, ServiceTokens("comatrix-cx", patient.bot.user_id, "other", "other"))


@breaking("service.unreached", "comatrix appservice --url http://THIS-MACHINE:PORT", also=NOT_OURS)
def intake_behind_nat(patient: Patient) -> None:
    patient.serve(url="http://127.0.0.1:9")
    _running(patient)


@breaking("service.another", "comatrix appservice", also=NOT_OURS)
def registration_of_before(patient: Patient) -> None:
    patient.serve(url=sockets.Answering().url)  # answers a POST with 501
    _running(patient)


@breaking("service.urlless", "comatrix appservice --url http://THIS-MACHINE:PORT", also=NOT_OURS)
def intake_on_every_address(patient: Patient) -> None:
    patient.serve(url=None, more='bind = "0.0.0.0:5680"\n')
    _running(patient)


@breaking("service.unanswered", "comatrix doctor", also=NOT_OURS)
def proxy_without_the_ping(patient: Patient) -> None:
    patient.serve()
    patient.server(lambda server: server.fail("html", path="/ping"))
    _running(patient)


@breaking("service.deaf", "comatrix appservice --check")
def service_user_refused(patient: Patient) -> None:
    patient.serve(intake="sync", url=None)
    patient.server(lambda server: server.fail("error", path="/sync", status=403, errcode="M_FORBIDDEN"))


@breaking("ghosts.invite", "give @cx:localhost power 50 in #garden:localhost")
def bot_may_not_invite(patient: Patient) -> None:
    patient.serve()
    patient.put_state("power_levels", users={}, invite=50)


@breaking("ghosts.refused", "let @cx:localhost invite in #garden:localhost")
def ghost_banned(patient: Patient) -> None:
    patient.serve()
    refused = ("@cx_node_1:localhost", patient.room_id, "M_FORBIDDEN")
    patient.write(lambda connection: connection.execute("INSERT INTO service_member VALUES (?, ?, ?)", refused))
