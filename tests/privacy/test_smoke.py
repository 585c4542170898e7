from tests.factories import *
from trustivide.core.db import db, transaction
import re
def test_smoke(app, client):
    user = customer()
    worker.work(app)
    sign_in(client)
    for p in ["/privacy/","/privacy/choices","/privacy/export","/privacy/erasure","/privacy/data/user","/privacy/data/organisation","/privacy/data/notice_record","/privacy/data/membership"]:
        r=client.get(p); assert r.status_code==200, (p, r.text[:500]); print(p,len(r.text))
    r=client.get("/privacy/data/user"); m=re.search(r'href="(/privacy/data/user/[^"]+/name)"',r.text); print(m.group(1))
    r=client.get(m.group(1)); assert r.status_code==200
    r=client.post(m.group(1),data={"value":""}); assert r.status_code==422
    r=client.post(m.group(1),data={"value":"Alva"}); assert r.status_code==303
    assert "Alva" in client.get("/privacy/data/user").text
    r=client.post("/privacy/consents/marketing_email",data={"on":"1"}); assert r.status_code==303,r.text
    r=client.post("/privacy/objections/workshop_use",data={"on":"1"}); assert r.status_code==303,r.text
    r=client.post("/privacy/restrictions/all",data={"on":"1"}); assert r.status_code==303,r.text
    r=client.get("/privacy/choices"); assert r.text.count(" checked")==3
    r=client.post("/privacy/export"); assert r.status_code==303; loc=r.headers["Location"]
    r=client.get(loc); assert r.status_code==200
    worker.work(app)
    r=client.get(loc); assert "Hämta zip" in r.text
    r=client.get(loc+"/file"); assert r.status_code==200; print(r.headers, len(r.data))
    import zipfile,io
    z=zipfile.ZipFile(io.BytesIO(r.data)); print(z.namelist()); print(z.read("data.json").decode()[:3000])
    r=client.post("/privacy/erasure",data={"understood":"y"}); assert r.status_code==303; loc=r.headers["Location"]; print(loc)
    assert client.get(loc).status_code==200
    delivered(app)
    import time_machine,datetime
    with time_machine.travel(datetime.datetime.now(datetime.UTC)+datetime.timedelta(days=8)):
        db.session.rollback(); worker.tick(app)
        r=client.get(loc); assert r.status_code==200; print(re.sub(r"<[^>]+>|\s+"," ",r.text))
        assert client.get(loc+".json").status_code==200
        print(client.get(loc+".json").text)
