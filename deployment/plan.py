"""The plan: all that Google Cloud and Gmail need to have, step by step, in the order in which one needs the other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import yaml

from deployment.addon_manifest import addon_deployment, leaves
from deployment.deployment_file import Deployment
from deployment.monitoring_steps import monitoring_steps
from deployment.services import (
    ADDON,
    CRM_CERTIFICATE_KEY,
    CRM_CLIENT_SECRET,
    JOB,
    LABEL_MAILBOX,
    LABEL_TICK,
    PAGES,
    QUEUE,
    RUN,
    SERVICES,
    Service,
    account,
    environment,
    secrets,
    url,
)
from deployment.source import image_tag
from deployment.step import Command, Learn, Step, gcloud
from mailmagnet.errors import BadSetting

_ASKED_FOR = {
    "MAILMAGNET_OAUTH_CLIENT_SECRET": "Secret of your OAuth web client (https://console.cloud.google.com/auth/clients)",
    CRM_CLIENT_SECRET: "Secret of your OAuth client at the CRM",
    CRM_CERTIFICATE_KEY: "Private key of the certificate, its file in one line of base64 (base64 -w 0 key.pem)",
}
"""Secrets that are somebody else's to give; all others are made at random."""
NAME = "mailmagnet"
"""What is ours and has no other name: the repository of images, the image, the add-on's deployment."""
PYTHON = "3.11.*"
"""The Python that the tests run on; Google's newest repair of it."""
APIS = (
    "appsmarket-component.googleapis.com",
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "firestore.googleapis.com",
    "gmail.googleapis.com",
    "gsuiteaddons.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
)
VAULT_ROLE = "mailmagnetVault"
VAULT_PERMISSIONS = (
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.list",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.get",
    "secretmanager.versions.list",
)
ADDON_CALLER = "serviceAccount:${ADDON_SERVICE_ACCOUNT}"
ALREADY_ELSEWHERE = "If it says that it exists already: it is there with another setting than deployment.yaml's. "

IN_FOLDER = (".gcloudignore", "appsscript.json", "firestore.indexes.json", "main.py")
"""Beside deployment.yaml in MailMagnet's folder, and in no installed package: the source that the image is made of, and what is said of
it."""

Plan = Sequence[Step | Learn]


def plan(deployment: Deployment, folder: Path) -> Plan:
    """Every step for this deployment, from MailMagnet's folder. Each value is learnt before the first step that needs it.

    Raises BadSetting if that is not MailMagnet's folder, with its source in it.
    """
    if missing := [name for name in IN_FOLDER if not (folder / name).is_file()]:
        raise BadSetting(f"{', '.join(missing)}: not in {folder}. Run this in MailMagnet's folder, with its whole source in it")
    return tuple(_Plan(deployment, folder).steps())


class _Plan:
    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self._deployment = deployment
        self._folder = folder
        self._here = (f"--project={deployment.project}",)
        self._in_region = (f"--location={deployment.region}", *self._here)
        registry = f"{deployment.region}-docker.pkg.dev/{deployment.project}/{NAME}"
        self._tag = image_tag(folder)
        self._image = f"{registry}/{NAME}:{self._tag}"

    def steps(self) -> Iterator[Step | Learn]:
        yield self._apis()
        yield Learn(
            "PROJECT_NUMBER",
            "The project's number is part of each service's URL, so that the URLs are known before the services are there.",
            gcloud(f"projects describe {self._deployment.project} --format=value(projectNumber)"),
            "Sign in as an owner of the project: gcloud auth login. Look whether deployment.yaml names it rightly.",
        )
        yield from self._store()
        yield from self._queue()
        yield from self._accounts()
        yield from self._secrets()
        yield from self._addons_own()
        yield from self._image_of_source()
        for service in SERVICES:
            yield self._service(service)
        yield from self._callers()
        yield from self._addon()
        yield from self._scheduler()
        if self._deployment.budget:
            yield from self._budget()
        yield from monitoring_steps(self._deployment.project, self._deployment.alerts)

    def _gcloud(self, line: str, *further: str) -> Command:
        return gcloud(line, *further, *self._here)

    def _apis(self) -> Step:
        return Step(
            "Google's APIs",
            "What MailMagnet and this plan call at Google is switched on; they stay on when MailMagnet goes, for others may need them.",
            self._gcloud(
                "services list --enabled --sort-by=config.name --format=value(config.name)",
                f"--filter=config.name=({' '.join(APIS)})",
            ),
            "\n".join(APIS),
            (self._gcloud(f"services enable {' '.join(APIS)}"),),
            help="The project needs billing (https://console.cloud.google.com/billing/projects), and you its role Owner.",
        )

    def _store(self) -> Iterator[Step]:
        database = "--database=(default)"
        yield Step(
            "Firestore database",
            "It keeps policies, mailboxes and the three facts of each mail, in your region; nobody deletes it by mistake.",
            self._gcloud(f"firestore databases describe {database} --format=csv[no-heading](type,locationId)"),
            f"FIRESTORE_NATIVE,{self._deployment.region}",
            (
                self._gcloud(
                    f"firestore databases create {database} --location={self._deployment.region} --type=firestore-native "
                    "--delete-protection"
                ),
            ),
            help=ALREADY_ELSEWHERE + "A database cannot be moved: name its region in deployment.yaml, or take another project.",
            undo=(
                self._gcloud(f"firestore databases update {database} --no-delete-protection"),
                self._gcloud(f"firestore databases delete {database}"),
            ),
            data=True,
        )
        described = json.loads((self._folder / "firestore.indexes.json").read_text("utf-8"))
        for index in described["indexes"]:
            yield self._index(index["collectionGroup"], index["fields"], database)
        for field in described["fieldOverrides"]:
            group, name = field["collectionGroup"], field["fieldPath"]
            yield Step(
                f"No index on {group}.{name}",
                f"Nobody asks by {name}, and it is too large for an index.",
                self._gcloud(
                    f"firestore indexes fields list --collection-group={group} {database}",
                    f"--filter=name:collectionGroups/{group}/fields/{name}",
                    "--format=value(name.basename())",
                ),
                name,
                (
                    self._gcloud(
                        f"firestore indexes fields update {name} --collection-group={group} {database} --disable-indexes"
                    ),
                ),
            )

    def _index(self, group: str, fields: Sequence[Mapping[str, str]], database: str) -> Step:
        (first, second) = fields
        wanted = f"{first['fieldPath']},{first['order']},{second['fieldPath']},{second['order']}"
        configs = [f"--field-config=field-path={field['fieldPath']},order={field['order'].lower()}" for field in fields]
        return Step(
            f"Index of {group} by {first['fieldPath']}",
            f"The store asks for {group} by {first['fieldPath']}, in the order of {second['fieldPath']}.",
            self._gcloud(
                f"firestore indexes composite list {database}",
                f"--filter=name:collectionGroups/{group}/ AND fields[0].fieldPath={first['fieldPath']} "
                f"AND fields[1].fieldPath={second['fieldPath']}",
                "--format=csv[no-heading](fields[0].fieldPath,fields[0].order,fields[1].fieldPath,fields[1].order)",
            ),
            wanted,
            (
                self._gcloud(
                    f"firestore indexes composite create {database} --collection-group={group} --query-scope=collection", *configs
                ),
            ),
            help="It takes some minutes. If it says that it exists already, it is being built: call this again.",
        )

    def _queue(self) -> Iterator[Step]:
        at_once = LABEL_MAILBOX.concurrency * self._deployment.limits.instances
        yield Step(
            "Queue",
            "Each due mailbox is one task in it, so that mailboxes are worked on side by side.",
            gcloud(f"tasks queues describe {QUEUE} --format=value(name.basename())", *self._in_region),
            QUEUE,
            (gcloud(f"tasks queues create {QUEUE}", *self._in_region),),
            help="A queue that was deleted keeps its name for some days: wait for it.",
            undo=(gcloud(f"tasks queues delete {QUEUE}", *self._in_region),),
            data=True,
        )
        yield Step(
            "Queue's rates",
            "No more tasks at once than label_mailbox takes; one that fails comes again three times, for the next tick sends another.",
            gcloud(
                f"tasks queues describe {QUEUE}",
                "--format=csv[no-heading](rateLimits.maxDispatchesPerSecond,rateLimits.maxConcurrentDispatches,retryConfig.maxAttempts)",
                *self._in_region,
            ),
            f"50.0,{at_once},3",
            (
                gcloud(
                    f"tasks queues update {QUEUE} --max-dispatches-per-second=50 --max-concurrent-dispatches={at_once} --max-attempts=3 "
                    "--min-backoff=10s",
                    *self._in_region,
                ),
            ),
        )

    def _accounts(self) -> Iterator[Step]:
        run, job = account(self._deployment, RUN), account(self._deployment, JOB)
        as_run = f"serviceAccount:{run}"
        yield self._service_account(RUN, "All four services run as this account; it can do no more than the roles below.")
        yield self._service_account(
            JOB,
            "Cloud Scheduler and Cloud Tasks call as this account; with install: organisation the admin lets it into the mailboxes.",
        )
        yield self._project_role(
            "Store's role", "The services read and write what is kept in Firestore.", "roles/datastore.user", as_run
        )
        yield from self._vault_role(as_run)
        yield self._binding(
            "Queue's role",
            "label_tick puts tasks into this queue, and into no other.",
            f"tasks queues {{}} {QUEUE} --location={self._deployment.region}",
            "roles/cloudtasks.enqueuer",
            as_run,
        )
        yield self._binding(
            "Tasks' sender",
            "Who makes a task that is sent as the job's account must be let act as it.",
            f"iam service-accounts {{}} {job}",
            "roles/iam.serviceAccountUser",
            as_run,
        )
        if self._deployment.install == "organisation":
            yield self._binding(
                "Signing as the job",
                "The services ask Google to sign, as the job's account, for the user whose mailbox they open: so there is no key to lose.",
                f"iam service-accounts {{}} {job}",
                "roles/iam.serviceAccountTokenCreator",
                as_run,
            )

    def _service_account(self, name: str, why: str) -> Step:
        address = account(self._deployment, name)
        return Step(
            f"Account {name}",
            why,
            self._gcloud(f"iam service-accounts describe {address} --format=value(email)"),
            address,
            (
                self._gcloud(
                    f"iam service-accounts create {name}", f"--display-name=MailMagnet {name.removeprefix('mailmagnet-')}"
                ),
            ),
            undo=(self._gcloud(f"iam service-accounts delete {address}"),),
        )

    def _vault_role(self, as_run: str) -> Iterator[Step]:
        project, permissions = self._deployment.project, ",".join(VAULT_PERMISSIONS)
        yield Step(
            "Vault's role",
            "Users' tokens are secrets that the services make, change and delete; Google has no role for that which gives no more. "
            "It stays when MailMagnet goes: the name of a role that was deleted cannot be used again for weeks.",
            self._gcloud(f"iam roles describe {VAULT_ROLE} --format=value(name.basename())"),
            VAULT_ROLE,
            (self._gcloud(f"iam roles create {VAULT_ROLE} --permissions={permissions}", "--title=MailMagnet vault"),),
        )
        yield Step(
            "What the vault's role gives",
            "These permissions and no others.",
            self._gcloud(f"iam roles describe {VAULT_ROLE} --format=value(includedPermissions.list())"),
            permissions,
            (self._gcloud(f"iam roles update {VAULT_ROLE} --permissions={permissions}"),),
        )
        yield self._project_role(
            "Vault", "The services keep users' tokens in Secret Manager.", f"projects/{project}/roles/{VAULT_ROLE}", as_run
        )

    def _project_role(self, title: str, why: str, role: str, member: str) -> Step:
        project = self._deployment.project
        undo = gcloud(f"projects remove-iam-policy-binding {project} --member={member} --role={role} --condition=None")
        return Step(
            title,
            why,
            gcloud(
                f"projects get-iam-policy {project} --flatten=bindings[].members",
                f"--filter=bindings.role={role} AND bindings.members={member}",
                "--format=value(bindings.role)",
            ),
            role,
            (gcloud(f"projects add-iam-policy-binding {project} --member={member} --role={role} --condition=None"),),
            undo=(undo,),
        )

    def _binding(self, title: str, why: str, resource: str, role: str, member: str) -> Step:
        """A role on one resource: it goes away with it."""
        return Step(
            title,
            why,
            self._gcloud(
                f"{resource.format('get-iam-policy')} --flatten=bindings[].members",
                f"--filter=bindings.role={role} AND bindings.members={member}",
                "--format=value(bindings.role)",
            ),
            role,
            (self._gcloud(f"{resource.format('add-iam-policy-binding')} --member={member} --role={role}"),),
        )

    def _secrets(self) -> Iterator[Step]:
        for setting, name in secrets(self._deployment).items():
            asked = _ASKED_FOR.get(setting, "")
            new = not asked
            whose = "made at random, and known to nobody" if new else "asked for once"
            yield Step(
                f"Secret {name}",
                f"It holds {setting}, in your region.",
                self._gcloud(f"secrets describe {name} --format=value(name.basename())"),
                name,
                (self._gcloud(f"secrets create {name} --replication-policy=user-managed --locations={self._deployment.region}"),),
                undo=(self._gcloud(f"secrets delete {name}"),),
                data=True,
            )
            yield Step(
                f"Value of {name}",
                f"It is {whose}; it goes to Secret Manager by standard input, into no file and no command line.",
                self._gcloud(f"secrets versions list {name} --filter=state=ENABLED --limit=1 --format=value(state)"),
                "ENABLED",
                (Command(self._gcloud(f"secrets versions add {name} --data-file=-").words, secret="new" if new else asked),),
            )
            yield self._binding(
                f"Reader of {name}",
                "The services read this secret when they start.",
                f"secrets {{}} {name}",
                "roles/secretmanager.secretAccessor",
                f"serviceAccount:{account(self._deployment, RUN)}",
            )

    def _addons_own(self) -> Iterator[Learn]:
        again = "Google makes it when the API gsuiteaddons.googleapis.com is switched on: wait a minute and call this again."
        yield Learn(
            "ADDON_SERVICE_ACCOUNT",
            "Google's own account for your add-on: Gmail calls the panel as it.",
            self._gcloud("workspace-add-ons get-authorization --format=value(serviceAccountEmail)"),
            again,
        )
        yield Learn(
            "ADDON_CLIENT_ID",
            "Google's own OAuth client for your add-on: users' id tokens are made out to it.",
            self._gcloud("workspace-add-ons get-authorization --format=value(oauthClientId)"),
            again,
        )

    def _image_of_source(self) -> Iterator[Step]:
        yield Step(
            "Repository of images",
            "The image of the four services is kept in it, in your region.",
            gcloud(f"artifacts repositories describe {NAME} --format=value(name.basename())", *self._in_region),
            NAME,
            (gcloud(f"artifacts repositories create {NAME} --repository-format=docker", *self._in_region),),
            undo=(gcloud(f"artifacts repositories delete {NAME}", *self._in_region),),
        )
        yield self._project_role(
            "Builder's role",
            "Cloud Build builds as the project's default account, which in newer organisations has no role of its own "
            "(https://cloud.google.com/run/docs/configuring/services/build-service-account).",
            "roles/run.builder",
            "serviceAccount:${PROJECT_NUMBER}-compute@developer.gserviceaccount.com",
        )
        yield Step(
            "Image",
            "Built once by Google's buildpack, for all four services, from this folder; its name follows from the files, so that the same "
            "source is not built again. Only what .gcloudignore names is uploaded.",
            gcloud(
                f"artifacts tags list --package={NAME} --repository={NAME} --filter=name:{self._tag} --format=value(name.basename())",
                *self._in_region,
            ),
            self._tag,
            (
                self._gcloud(
                    f"builds submit . --region={self._deployment.region} --pack=image={self._image},env=GOOGLE_PYTHON_VERSION={PYTHON}"
                ),
            ),
            help="Call this in MailMagnet's folder. A role that was just given may need a minute: call it again.",
        )

    def _service(self, service: Service) -> Step:
        deployment, limits = self._deployment, self._deployment.limits
        set_secrets = ",".join(f"{setting}={name}:latest" for setting, name in secrets(deployment).items())
        settings = yaml.safe_dump(dict(environment(deployment, service)), sort_keys=False, width=1000)
        shape = (
            f"--service-account={account(deployment, RUN)} --concurrency={service.concurrency} --timeout={service.timeout_seconds} "
            f"--cpu=1 --memory={service.memory} --min-instances={service.least} --max-instances={limits.instances} "
            f"--{'no-' if service.always else ''}cpu-throttling --cpu-boost "
            f"--{'no-' if service is PAGES else ''}invoker-iam-check --set-secrets={set_secrets}"
        )
        as_wanted = sha256(f"{shape}\n{settings}".encode()).hexdigest()[:16]
        return Step(
            f"Service {service.name}",
            f"{service.why} Its label says with what it was deployed.",
            self._gcloud(
                f"run services describe {service.name} --region={deployment.region}",
                f"--format=csv[no-heading](metadata.labels.{NAME},spec.template.spec.containers[0].image,status.conditions[0].type,"
                "status.conditions[0].status)",
            ),
            f"{as_wanted},{self._image},Ready,True",
            (
                self._gcloud(
                    f"run deploy {service.name} --region={deployment.region} --image={self._image} {shape} "
                    f"--env-vars-file=${{FILES}}/{service.name}.yaml --labels={NAME}={as_wanted}"
                ),
            ),
            help="What it said itself is in its logs: https://console.cloud.google.com/run",
            files={f"{service.name}.yaml": settings},
            undo=(self._gcloud(f"run services delete {service.name} --region={deployment.region}"),),
        )

    def _callers(self) -> Iterator[Step]:
        job = f"serviceAccount:{account(self._deployment, JOB)}"
        for service, member, why in (
            (ADDON, ADDON_CALLER, "Gmail alone calls the panel."),
            (LABEL_TICK, job, "Cloud Scheduler alone calls the tick."),
            (LABEL_MAILBOX, job, "Cloud Tasks alone calls a mailbox's run."),
        ):
            yield self._binding(
                f"Caller of {service.name}",
                why,
                f"run services {{}} {service.name} --region={self._deployment.region}",
                "roles/run.invoker",
                member,
            )

    def _addon(self) -> Iterator[Step]:
        manifest = addon_deployment(self._deployment, self._folder / "appsscript.json")
        files = {"addon.json": json.dumps(manifest, indent=2, ensure_ascii=False)}
        file = "--deployment-file=${FILES}/addon.json"
        yield Step(
            "Add-on",
            "Gmail is told of the add-on: what it calls when, which consents it asks for, which links its cards may open.",
            self._gcloud(f"workspace-add-ons deployments describe {NAME} --format=value(name.basename())"),
            NAME,
            (self._gcloud(f"workspace-add-ons deployments create {NAME} {file}"),),
            files=files,
            undo=(self._gcloud(f"workspace-add-ons deployments delete {NAME}"),),
        )
        places, values = zip(*leaves(manifest), strict=True)
        yield Step(
            "Add-on as it should be",
            "Each value that Gmail was told is compared with this deployment's; what differs is told anew.",
            self._gcloud(f"workspace-add-ons deployments describe {NAME}", f"--format=value[separator=|]({','.join(places)})"),
            "|".join(values),
            (self._gcloud(f"workspace-add-ons deployments replace {NAME} {file}"),),
            files=files,
        )

    def _scheduler(self) -> Iterator[Step]:
        tick, job = url(self._deployment, LABEL_TICK), account(self._deployment, JOB)
        name = LABEL_TICK.name
        how = ("--schedule=* * * * *", f"--uri={tick}/", f"--oidc-service-account-email={job}", f"--oidc-token-audience={tick}")
        limits = ("--attempt-deadline=180s", "--max-retry-attempts=0")
        yield Step(
            "Tick",
            "Each minute Cloud Scheduler calls label_tick, which sends one task for each mailbox that is due.",
            gcloud(f"scheduler jobs describe {name} --format=value(name.basename())", *self._in_region),
            name,
            (gcloud(f"scheduler jobs create http {name} --http-method=post", *how, *limits, *self._in_region),),
            undo=(gcloud(f"scheduler jobs delete {name}", *self._in_region),),
        )
        yield Step(
            "Tick as it should be",
            "Its token is made out to exactly the URL that label_tick expects; else every call is refused.",
            gcloud(
                f"scheduler jobs describe {name}",
                "--format=value[separator=|](schedule,httpTarget.uri,httpTarget.oidcToken.serviceAccountEmail,"
                "httpTarget.oidcToken.audience,state)",
                *self._in_region,
            ),
            f"* * * * *|{tick}/|{job}|{tick}|ENABLED",
            (
                gcloud(f"scheduler jobs update http {name} --http-method=post", *how, *limits, *self._in_region),
                gcloud(f"scheduler jobs resume {name}", *self._in_region),
            ),
        )

    def _budget(self) -> Iterator[Step | Learn]:
        name = f"{NAME}-{self._deployment.project}"
        amount, currency = self._deployment.budget.split()
        account_of = "--billing-account=${BILLING_ACCOUNT}"
        find = f"billing budgets list {account_of} --filter=displayName={name}"
        costs = (
            "You need the role Billing Account Costs Manager on the billing account; or take the budget out of deployment.yaml."
        )
        yield Learn(
            "BILLING_ACCOUNT",
            "A budget belongs to the billing account.",
            gcloud(f"billing projects describe {self._deployment.project} --format=value(billingAccountName.basename())"),
            "Give the project a billing account: https://console.cloud.google.com/billing/projects",
        )
        yield Step(
            "Budget",
            "Mail goes to the billing account's admins when half of it is spent, and all of it. It stops nothing.",
            gcloud(f"{find} --format=value(displayName)"),
            name,
            (
                gcloud(
                    f"billing budgets create {account_of} --display-name={name} --budget-amount={amount}{currency} "
                    f"--filter-projects=projects/{self._deployment.project} --threshold-rule=percent=0.5 --threshold-rule=percent=1.0"
                ),
            ),
            help=costs + " Its currency must be the account's.",
            undo=(gcloud(f"billing budgets delete ${{BUDGET}} {account_of}"),),
        )
        yield Learn(
            "BUDGET", "The budget's own name, by which it is changed.", gcloud(f"{find} --format=value(name.basename())"), costs
        )
        yield Step(
            "Budget's amount",
            "It is deployment.yaml's.",
            gcloud(f"{find} --format=csv[no-heading](amount.specifiedAmount.units,amount.specifiedAmount.currencyCode)"),
            f"{amount},{currency}",
            (gcloud(f"billing budgets update ${{BUDGET}} {account_of} --budget-amount={amount}{currency}"),),
            help=costs,
        )


def by_hand(deployment: Deployment) -> Sequence[str]:
    """What only a person can do, in Google's pages."""
    steps = [
        f"OAuth web client: add the redirect URI {url(deployment, PAGES)}/callback (https://console.cloud.google.com/auth/clients)"
    ]
    if deployment.crm.client_id:
        steps.append(f"OAuth client at your CRM: add the redirect URI {url(deployment, PAGES)}/crm-callback (docs/crms/)")
    if deployment.install == "organisation":
        steps.append(
            f"Domain-wide delegation: let {account(deployment, JOB)} in (https://admin.google.com/ac/owl/domainwidedelegation)"
        )
    return steps
