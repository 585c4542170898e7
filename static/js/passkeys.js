// Passkeys (W3C Web Authentication): asks the browser for one and sends its answer with the form.
{
  const supported = Boolean(window.PublicKeyCredential && navigator.credentials);
  const unpack = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const pack = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  // By hand rather than by parseCreationOptionsFromJSON and toJSON, which not all have yet.
  const withBytes = (options) => {
    options.challenge = unpack(options.challenge);
    if (options.user) options.user.id = unpack(options.user.id);
    for (const list of [options.allowCredentials, options.excludeCredentials])
      for (const known of list ?? []) known.id = unpack(known.id);
    return options;
  };
  const withText = ({ id, rawId, type, response }) => {
    const packed = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (response[part]) packed[part] = pack(response[part]);
    return JSON.stringify({ id, rawId: pack(rawId), type, response: packed });
  };

  const ask = async (form, { challenge, passkey }) => {
    const asked = await fetch(challenge, {
      method: "POST",
      body: new FormData(form),
      credentials: "same-origin",
      redirect: "manual",
    });
    if (asked.type === "opaqueredirect") {
      location.reload(); // the server wants something else first; the page leads there
      return new Promise(() => {});
    }
    if (asked.status === 422) return null; // something typed is wrong: the form's answer says what
    if (!asked.ok) throw new Error(asked.statusText);
    const publicKey = withBytes(await asked.json());
    return passkey === "create"
      ? navigator.credentials.create({ publicKey })
      : navigator.credentials.get({ publicKey });
  };

  // A form for a passkey and nothing else, or a part of one that can be sent without it.
  for (const asking of document.querySelectorAll("[data-passkey]")) {
    asking.hidden = !supported;
    const form = asking.closest("form");
    const problem = form.querySelector("[data-problem]");
    const { credential } = form.elements;
    form.addEventListener("submit", async (event) => {
      credential.disabled = asking !== form && !asking.contains(event.submitter);
      if (credential.disabled) return;
      event.preventDefault();
      if (form.ariaBusy) return;
      form.ariaBusy = "true";
      problem.hidden = true;
      try {
        const made = await ask(form, asking.dataset);
        credential.value = made ? withText(made) : "";
        form.submit();
      } catch (error) {
        problem.textContent = problem.dataset[error.name === "InvalidStateError" ? "known" : "failed"];
        problem.hidden = false;
        form.ariaBusy = null;
      }
    });
  }
  const missing = document.querySelector("[data-no-passkeys]");
  if (missing) missing.hidden = supported;
}
