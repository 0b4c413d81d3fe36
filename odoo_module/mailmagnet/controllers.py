"""Who looks at which record, signed for MailMagnet: for one look, for 60 seconds, and only for who may open the record in Odoo.

Three system parameters say where MailMagnet is: mailmagnet.page (https://…/embedded-record), mailmagnet.org (the organisation, as Google
calls it), and mailmagnet.secret (MAILMAGNET_EMBED_KEY there). Only administrators read system parameters.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

from odoo import http
from odoo.http import request

SECONDS = 60
NOT_SET_UP = "MailMagnet is not set up yet: an administrator sets mailmagnet.page, mailmagnet.org and mailmagnet.secret."


def module_of(record):
    """What MailMagnet calls this kind of record; None for a kind that has no mail."""
    if record._name == "res.partner":
        return "accounts" if record.is_company else "contacts"
    return "leads" if record.type == "lead" else "deals"


def signed(claims, secret):
    """A JSON Web Token under HS256 (RFC 7519)."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims)]
    text = b".".join(map(_base64, (part.encode() for part in parts)))
    return b".".join([text, _base64(hmac.new(secret.encode(), text, hashlib.sha256).digest())]).decode()


def _base64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class MailFrame(http.Controller):
    @http.route("/mailmagnet/<any('res.partner','crm.lead'):model>/<int:record_id>", type="http", auth="user", methods=["GET"])
    def mail(self, model, record_id):
        """To MailMagnet's page of this record's mail, as the user who is logged in. Odoo refuses whom it does not show the record."""
        record = request.env[model].browse(record_id).exists()
        if not record:
            raise request.not_found()
        record.check_access("read")
        settings = request.env["ir.config_parameter"].sudo()
        page, org, secret = (settings.get_param(f"mailmagnet.{name}") for name in ("page", "org", "secret"))
        if not (page and org and secret):
            return request.make_response(NOT_SET_UP, [("Content-Type", "text/plain; charset=utf-8")])
        now = int(time.time())
        claims = {
            "aud": page,
            "org": org,
            "sub": str(request.env.uid),
            "module": module_of(record),
            "record": str(record.id),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + SECONDS,
        }
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        answer = request.redirect(f"{page}?{urlencode({'token': signed(claims, secret)})}", code=303, local=False)
        answer.headers.update(headers)
        return answer
