"""A door before a broker that asks who is there: TLS with certificates made on the spot, SASL PLAIN and SCRAM.

What comes through is handed on as it is, but for the broker's port in answers, which becomes the door's; and a batch comes
through once, as brokers take care of.
"""

import base64
import datetime
import hashlib
import hmac
import os
import socket
import ssl
import struct
import threading

PRODUCE, API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE = 0, 18, 17, 36
HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def certificates(directory: str, host: str):
    """An authority, a server that it vouches for, and a client that it vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    import ipaddress

    def write(name, data):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(data)

    def made(name, issuer, issuer_key, is_authority):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=2))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        certificate = builder.sign(issuer_key or key, hashes.SHA256())
        write(name + ".pem", certificate.public_bytes(serialization.Encoding.PEM))
        write(name + ".key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return subject, key

    authority, key = made("ca", None, None, True)
    made("server", authority, key, False)
    made("client", authority, key, False)


def read(stream, length):
    data = b""
    while len(data) < length:
        more = stream.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frame(stream):
    return read(stream, struct.unpack(">i", read(stream, 4))[0])


def send(stream, data):
    stream.sendall(struct.pack(">i", len(data)) + data)


def text(data):
    return struct.pack(">h", len(data)) + data.encode()


class Sasl:
    """Asks who is there, as a broker does."""

    def __init__(self, command):
        self.mechanism, self.user, self.password = command["mechanism"], command["user"], command["password"]
        self.step, self.is_proven = 0, False

    def answer(self, message):
        """An error or none, and what to say."""
        if self.mechanism == "PLAIN":
            self.is_proven = message == f"\0{self.user}\0{self.password}".encode()
            return (None if self.is_proven else "wrong name or password"), b""
        self.step += 1
        digest = HASHES[self.mechanism]
        if self.step == 1:
            self.bare = message.decode().removeprefix("n,,")
            name, nonce = self.bare.split(",r=")
            if name != "n=" + self.user.replace("=", "=3D").replace(",", "=2C"):
                return "no such user", b""
            self.nonce, salt = nonce + base64.b64encode(os.urandom(9)).decode(), os.urandom(16)
            self.first = f"r={self.nonce},s={base64.b64encode(salt).decode()},i=4096"
            self.salted = hashlib.pbkdf2_hmac(digest, self.password.encode(), salt, 4096)
            return None, self.first.encode()
        unproven, proof = message.decode().rsplit(",p=", 1)
        signed = f"{self.bare},{self.first},{unproven}".encode()
        client = hmac.digest(self.salted, b"Client Key", digest)
        signature = hmac.digest(hashlib.new(digest, client).digest(), signed, digest)
        expected = bytes(a ^ b for a, b in zip(client, signature))
        if unproven != f"c=biws,r={self.nonce}" or base64.b64decode(proof) != expected:
            return "wrong proof", b""
        self.is_proven = True
        server = hmac.digest(hmac.digest(self.salted, b"Server Key", digest), signed, digest)
        return None, b"v=" + base64.b64encode(server)


def batch_sent(body):
    """The topic and the partition of a request to produce, with the producer's id, epoch and sequence number."""
    at = 2 + 6 + 4
    length = struct.unpack_from(">h", body, at)[0]
    topic = body[at + 2:at + 2 + length]
    at += 2 + length + 4
    partition = struct.unpack_from(">i", body, at)[0]
    return topic, partition, body[at + 8 + 43:at + 8 + 57]


def attend(client, address, port, command):
    """One connection, request by request."""
    host, broker_port = address
    broker = socket.create_connection(address)
    place = text(host) + struct.pack(">i", broker_port)
    sasl = Sasl(command) if command.get("mechanism") else None
    try:
        while True:
            request = frame(client)
            api, _, number = struct.unpack(">hhi", request[:8])
            body = request[10 + struct.unpack(">h", request[8:10])[0]:]
            if sasl and api == SASL_HANDSHAKE:
                error = 0 if body == text(sasl.mechanism) else 33
                send(client, struct.pack(">ihi", number, error, 1) + text(sasl.mechanism))
            elif sasl and api == SASL_AUTHENTICATE:
                error, said = sasl.answer(body[4:])
                why = text(error) if error else struct.pack(">h", -1)
                send(client, struct.pack(">ih", number, 58 if error else 0) + why + struct.pack(">i", len(said)) + said)
                if error:
                    return
            elif sasl and api != API_VERSIONS and not sasl.is_proven:
                return
            elif api == PRODUCE and (sent := batch_sent(body)) in command["kept"]:
                # Brokers answer so to a batch that they have; the mock brokers do not look.
                topic, partition, _ = sent
                send(client, struct.pack(">ii", number, 1) + text(topic.decode()) + struct.pack(">iihqqqi", 1, partition, 46, -1, -1, -1, 0))
            else:
                send(broker, request)
                answer = frame(broker).replace(place, text(host) + struct.pack(">i", port))
                if sasl and api == API_VERSIONS:
                    count = struct.unpack(">i", answer[6:10])[0]
                    more = struct.pack(">hhhhhh", SASL_HANDSHAKE, 0, 1, SASL_AUTHENTICATE, 0, 1)
                    answer = answer[:6] + struct.pack(">i", count + 2) + answer[10:] + more
                if api == PRODUCE:
                    command["kept"].add(batch_sent(body))
                if api == PRODUCE and command.get("loses", 0) > 0:
                    command["loses"] -= 1
                    return
                send(client, answer)
    except (EOFError, OSError):
        pass
    finally:
        client.close()
        broker.close()


def opened(address: str, command: dict) -> int:
    """Opens a door before the first broker; gives its port."""
    host, broker_port = address.split(",")[0].rsplit(":", 1)
    listener = socket.create_server((host, 0))
    port = listener.getsockname()[1]
    command["kept"] = set()
    context = None
    if directory := command.get("certificates"):
        certificates(directory, host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(directory, "server.pem"), os.path.join(directory, "server.key"))
        if command.get("asks_client"):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(os.path.join(directory, "ca.pem"))

    def serve(client):
        try:
            client = context.wrap_socket(client, server_side=True) if context else client
        except (ssl.SSLError, OSError):
            return
        attend(client, (host, int(broker_port)), port, command)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return port
