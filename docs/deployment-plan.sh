#!/usr/bin/env bash
# What `mailmagnet deploy` does, from deployment.yaml. Each step looks first whether it is done; run it again as often as you like.
set -euo pipefail
FILES="$(mktemp -d)"
export FILES
trap 'rm -rf "$FILES"' EXIT

# 1. Google's APIs: What MailMagnet and this plan call at Google is switched on; they stay on when MailMagnet goes, for others
# may need them.
if [ "$(gcloud services list --enabled --sort-by=config.name '--format=value(config.name)' \
        '--filter=config.name=(appsmarket-component.googleapis.com artifactregistry.googleapis.com billingbudgets.googleapis.com cloudbilling.googleapis.com cloudbuild.googleapis.com cloudresourcemanager.googleapis.com cloudscheduler.googleapis.com cloudtasks.googleapis.com firestore.googleapis.com gmail.googleapis.com gsuiteaddons.googleapis.com iam.googleapis.com iamcredentials.googleapis.com logging.googleapis.com monitoring.googleapis.com run.googleapis.com secretmanager.googleapis.com)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != 'appsmarket-component.googleapis.com
artifactregistry.googleapis.com
billingbudgets.googleapis.com
cloudbilling.googleapis.com
cloudbuild.googleapis.com
cloudresourcemanager.googleapis.com
cloudscheduler.googleapis.com
cloudtasks.googleapis.com
firestore.googleapis.com
gmail.googleapis.com
gsuiteaddons.googleapis.com
iam.googleapis.com
iamcredentials.googleapis.com
logging.googleapis.com
monitoring.googleapis.com
run.googleapis.com
secretmanager.googleapis.com' ]; then
    gcloud services enable appsmarket-component.googleapis.com artifactregistry.googleapis.com \
        billingbudgets.googleapis.com cloudbilling.googleapis.com cloudbuild.googleapis.com \
        cloudresourcemanager.googleapis.com cloudscheduler.googleapis.com cloudtasks.googleapis.com \
        firestore.googleapis.com gmail.googleapis.com gsuiteaddons.googleapis.com iam.googleapis.com \
        iamcredentials.googleapis.com logging.googleapis.com monitoring.googleapis.com run.googleapis.com \
        secretmanager.googleapis.com --project=example-mailmagnet --quiet
fi

# 2. PROJECT_NUMBER: The project's number is part of each service's URL, so that the URLs are known before the services are
# there.
PROJECT_NUMBER="$(gcloud projects describe example-mailmagnet '--format=value(projectNumber)' --quiet)"
[ -n "$PROJECT_NUMBER" ] || { echo 'Sign in as an owner of the project: gcloud auth login. Look whether deployment.yaml names it rightly.' >&2; exit 1; }

# 3. Firestore database: It keeps policies, mailboxes and the three facts of each mail, in your region; nobody deletes it by
# mistake.
if [ "$(gcloud firestore databases describe '--database=(default)' '--format=csv[no-heading](type,locationId)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != FIRESTORE_NATIVE,europe-west1 ]; then
    gcloud firestore databases create '--database=(default)' --location=europe-west1 --type=firestore-native \
        --delete-protection --project=example-mailmagnet --quiet
fi

# 4. Index of mails by from_address: The store asks for mails by from_address, in the order of received_at.
if [ "$(gcloud firestore indexes composite list '--database=(default)' \
        '--filter=name:collectionGroups/mails/ AND fields[0].fieldPath=from_address AND fields[1].fieldPath=received_at' \
        '--format=csv[no-heading](fields[0].fieldPath,fields[0].order,fields[1].fieldPath,fields[1].order)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != from_address,ASCENDING,received_at,DESCENDING ]; then
    gcloud firestore indexes composite create '--database=(default)' --collection-group=mails \
        --query-scope=collection --field-config=field-path=from_address,order=ascending \
        --field-config=field-path=received_at,order=descending --project=example-mailmagnet --quiet
fi

# 5. Index of mails by user: The store asks for mails by user, in the order of received_at.
if [ "$(gcloud firestore indexes composite list '--database=(default)' \
        '--filter=name:collectionGroups/mails/ AND fields[0].fieldPath=user AND fields[1].fieldPath=received_at' \
        '--format=csv[no-heading](fields[0].fieldPath,fields[0].order,fields[1].fieldPath,fields[1].order)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != user,ASCENDING,received_at,DESCENDING ]; then
    gcloud firestore indexes composite create '--database=(default)' --collection-group=mails \
        --query-scope=collection --field-config=field-path=user,order=ascending \
        --field-config=field-path=received_at,order=descending --project=example-mailmagnet --quiet
fi

# 6. Index of readings by owner: The store asks for readings by owner, in the order of at.
if [ "$(gcloud firestore indexes composite list '--database=(default)' \
        '--filter=name:collectionGroups/readings/ AND fields[0].fieldPath=owner AND fields[1].fieldPath=at' \
        '--format=csv[no-heading](fields[0].fieldPath,fields[0].order,fields[1].fieldPath,fields[1].order)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != owner,ASCENDING,at,DESCENDING ]; then
    gcloud firestore indexes composite create '--database=(default)' --collection-group=readings \
        --query-scope=collection --field-config=field-path=owner,order=ascending \
        --field-config=field-path=at,order=descending --project=example-mailmagnet --quiet
fi

# 7. Index of readings by reader: The store asks for readings by reader, in the order of at.
if [ "$(gcloud firestore indexes composite list '--database=(default)' \
        '--filter=name:collectionGroups/readings/ AND fields[0].fieldPath=reader AND fields[1].fieldPath=at' \
        '--format=csv[no-heading](fields[0].fieldPath,fields[0].order,fields[1].fieldPath,fields[1].order)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != reader,ASCENDING,at,DESCENDING ]; then
    gcloud firestore indexes composite create '--database=(default)' --collection-group=readings \
        --query-scope=collection --field-config=field-path=reader,order=ascending \
        --field-config=field-path=at,order=descending --project=example-mailmagnet --quiet
fi

# 8. No index on mailboxes.progress: Nobody asks by progress, and it is too large for an index.
if [ "$(gcloud firestore indexes fields list --collection-group=mailboxes '--database=(default)' \
        --filter=name:collectionGroups/mailboxes/fields/progress '--format=value(name.basename())' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != progress ]; then
    gcloud firestore indexes fields update progress --collection-group=mailboxes '--database=(default)' \
        --disable-indexes --project=example-mailmagnet --quiet
fi

# 9. Queue: Each due mailbox is one task in it, so that mailboxes are worked on side by side.
if [ "$(gcloud tasks queues describe label-mailbox '--format=value(name.basename())' --location=europe-west1 \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != label-mailbox ]; then
    gcloud tasks queues create label-mailbox --location=europe-west1 --project=example-mailmagnet --quiet
fi

# 10. Queue's rates: No more tasks at once than label_mailbox takes; one that fails comes again three times, for the next tick
# sends another.
if [ "$(gcloud tasks queues describe label-mailbox \
        '--format=csv[no-heading](rateLimits.maxDispatchesPerSecond,rateLimits.maxConcurrentDispatches,retryConfig.maxAttempts)' \
        --location=europe-west1 --project=example-mailmagnet --quiet 2>/dev/null || true)" != 50.0,80,3 ]; then
    gcloud tasks queues update label-mailbox --max-dispatches-per-second=50 --max-concurrent-dispatches=80 \
        --max-attempts=3 --min-backoff=10s --location=europe-west1 --project=example-mailmagnet --quiet
fi

# 11. Account mailmagnet-run: All four services run as this account; it can do no more than the roles below.
if [ "$(gcloud iam service-accounts describe mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        '--format=value(email)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com ]; then
    gcloud iam service-accounts create mailmagnet-run '--display-name=MailMagnet run' --project=example-mailmagnet \
        --quiet
fi

# 12. Account mailmagnet-job: Cloud Scheduler and Cloud Tasks call as this account; with install: organisation the admin lets it
# into the mailboxes.
if [ "$(gcloud iam service-accounts describe mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        '--format=value(email)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com ]; then
    gcloud iam service-accounts create mailmagnet-job '--display-name=MailMagnet job' --project=example-mailmagnet \
        --quiet
fi

# 13. Store's role: The services read and write what is kept in Firestore.
if [ "$(gcloud projects get-iam-policy example-mailmagnet '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/datastore.user AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --quiet 2>/dev/null || true)" != roles/datastore.user ]; then
    gcloud projects add-iam-policy-binding example-mailmagnet \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com --role=roles/datastore.user \
        --condition=None --quiet
fi

# 14. Vault's role: Users' tokens are secrets that the services make, change and delete; Google has no role for that which gives
# no more. It stays when MailMagnet goes: the name of a role that was deleted cannot be used again for weeks.
if [ "$(gcloud iam roles describe mailmagnetVault '--format=value(name.basename())' --project=example-mailmagnet \
        --quiet 2>/dev/null || true)" != mailmagnetVault ]; then
    gcloud iam roles create mailmagnetVault \
        --permissions=secretmanager.secrets.create,secretmanager.secrets.delete,secretmanager.secrets.get,secretmanager.secrets.list,secretmanager.secrets.update,secretmanager.versions.access,secretmanager.versions.add,secretmanager.versions.destroy,secretmanager.versions.get,secretmanager.versions.list \
        '--title=MailMagnet vault' --project=example-mailmagnet --quiet
fi

# 15. What the vault's role gives: These permissions and no others.
if [ "$(gcloud iam roles describe mailmagnetVault '--format=value(includedPermissions.list())' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != secretmanager.secrets.create,secretmanager.secrets.delete,secretmanager.secrets.get,secretmanager.secrets.list,secretmanager.secrets.update,secretmanager.versions.access,secretmanager.versions.add,secretmanager.versions.destroy,secretmanager.versions.get,secretmanager.versions.list ]; then
    gcloud iam roles update mailmagnetVault \
        --permissions=secretmanager.secrets.create,secretmanager.secrets.delete,secretmanager.secrets.get,secretmanager.secrets.list,secretmanager.secrets.update,secretmanager.versions.access,secretmanager.versions.add,secretmanager.versions.destroy,secretmanager.versions.get,secretmanager.versions.list \
        --project=example-mailmagnet --quiet
fi

# 16. Vault: The services keep users' tokens in Secret Manager.
if [ "$(gcloud projects get-iam-policy example-mailmagnet '--flatten=bindings[].members' \
        '--filter=bindings.role=projects/example-mailmagnet/roles/mailmagnetVault AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --quiet 2>/dev/null || true)" != projects/example-mailmagnet/roles/mailmagnetVault ]; then
    gcloud projects add-iam-policy-binding example-mailmagnet \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=projects/example-mailmagnet/roles/mailmagnetVault --condition=None --quiet
fi

# 17. Queue's role: label_tick puts tasks into this queue, and into no other.
if [ "$(gcloud tasks queues get-iam-policy label-mailbox --location=europe-west1 '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/cloudtasks.enqueuer AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/cloudtasks.enqueuer ]; then
    gcloud tasks queues add-iam-policy-binding label-mailbox --location=europe-west1 \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/cloudtasks.enqueuer --project=example-mailmagnet --quiet
fi

# 18. Tasks' sender: Who makes a task that is sent as the job's account must be let act as it.
if [ "$(gcloud iam service-accounts get-iam-policy mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/iam.serviceAccountUser AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/iam.serviceAccountUser ]; then
    gcloud iam service-accounts add-iam-policy-binding mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/iam.serviceAccountUser --project=example-mailmagnet --quiet
fi

# 19. Signing as the job: The services ask Google to sign, as the job's account, for the user whose mailbox they open: so there
# is no key to lose.
if [ "$(gcloud iam service-accounts get-iam-policy mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/iam.serviceAccountTokenCreator AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/iam.serviceAccountTokenCreator ]; then
    gcloud iam service-accounts add-iam-policy-binding mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/iam.serviceAccountTokenCreator --project=example-mailmagnet --quiet
fi

# 20. Secret mailmagnet-oauth-client-secret: It holds MAILMAGNET_OAUTH_CLIENT_SECRET, in your region.
if [ "$(gcloud secrets describe mailmagnet-oauth-client-secret '--format=value(name.basename())' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet-oauth-client-secret ]; then
    gcloud secrets create mailmagnet-oauth-client-secret --replication-policy=user-managed \
        --locations=europe-west1 --project=example-mailmagnet --quiet
fi

# 21. Value of mailmagnet-oauth-client-secret: It is asked for once; it goes to Secret Manager by standard input, into no file
# and no command line.
if [ "$(gcloud secrets versions list mailmagnet-oauth-client-secret --filter=state=ENABLED --limit=1 \
        '--format=value(state)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != ENABLED ]; then
    read -r -s -p 'Secret of your OAuth web client (https://console.cloud.google.com/auth/clients): ' ANSWER
    printf '%s' "$ANSWER" | gcloud secrets versions add mailmagnet-oauth-client-secret --data-file=- --project=example-mailmagnet --quiet
fi

# 22. Reader of mailmagnet-oauth-client-secret: The services read this secret when they start.
if [ "$(gcloud secrets get-iam-policy mailmagnet-oauth-client-secret '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/secretmanager.secretAccessor AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/secretmanager.secretAccessor ]; then
    gcloud secrets add-iam-policy-binding mailmagnet-oauth-client-secret \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/secretmanager.secretAccessor --project=example-mailmagnet --quiet
fi

# 23. Secret mailmagnet-link-key: It holds MAILMAGNET_LINK_KEY, in your region.
if [ "$(gcloud secrets describe mailmagnet-link-key '--format=value(name.basename())' --project=example-mailmagnet \
        --quiet 2>/dev/null || true)" != mailmagnet-link-key ]; then
    gcloud secrets create mailmagnet-link-key --replication-policy=user-managed --locations=europe-west1 \
        --project=example-mailmagnet --quiet
fi

# 24. Value of mailmagnet-link-key: It is made at random, and known to nobody; it goes to Secret Manager by standard input, into
# no file and no command line.
if [ "$(gcloud secrets versions list mailmagnet-link-key --filter=state=ENABLED --limit=1 '--format=value(state)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != ENABLED ]; then
    openssl rand -hex 32 | tr -d '\n' | gcloud secrets versions add mailmagnet-link-key --data-file=- --project=example-mailmagnet --quiet
fi

# 25. Reader of mailmagnet-link-key: The services read this secret when they start.
if [ "$(gcloud secrets get-iam-policy mailmagnet-link-key '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/secretmanager.secretAccessor AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/secretmanager.secretAccessor ]; then
    gcloud secrets add-iam-policy-binding mailmagnet-link-key \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/secretmanager.secretAccessor --project=example-mailmagnet --quiet
fi

# 26. Secret mailmagnet-log-key: It holds MAILMAGNET_LOG_KEY, in your region.
if [ "$(gcloud secrets describe mailmagnet-log-key '--format=value(name.basename())' --project=example-mailmagnet \
        --quiet 2>/dev/null || true)" != mailmagnet-log-key ]; then
    gcloud secrets create mailmagnet-log-key --replication-policy=user-managed --locations=europe-west1 \
        --project=example-mailmagnet --quiet
fi

# 27. Value of mailmagnet-log-key: It is made at random, and known to nobody; it goes to Secret Manager by standard input, into
# no file and no command line.
if [ "$(gcloud secrets versions list mailmagnet-log-key --filter=state=ENABLED --limit=1 '--format=value(state)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != ENABLED ]; then
    openssl rand -hex 32 | tr -d '\n' | gcloud secrets versions add mailmagnet-log-key --data-file=- --project=example-mailmagnet --quiet
fi

# 28. Reader of mailmagnet-log-key: The services read this secret when they start.
if [ "$(gcloud secrets get-iam-policy mailmagnet-log-key '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/secretmanager.secretAccessor AND bindings.members=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/secretmanager.secretAccessor ]; then
    gcloud secrets add-iam-policy-binding mailmagnet-log-key \
        --member=serviceAccount:mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com \
        --role=roles/secretmanager.secretAccessor --project=example-mailmagnet --quiet
fi

# 29. ADDON_SERVICE_ACCOUNT: Google's own account for your add-on: Gmail calls the panel as it.
ADDON_SERVICE_ACCOUNT="$(gcloud workspace-add-ons get-authorization '--format=value(serviceAccountEmail)' --project=example-mailmagnet \
        --quiet)"
[ -n "$ADDON_SERVICE_ACCOUNT" ] || { echo 'Google makes it when the API gsuiteaddons.googleapis.com is switched on: wait a minute and call this again.' >&2; exit 1; }

# 30. ADDON_CLIENT_ID: Google's own OAuth client for your add-on: users' id tokens are made out to it.
ADDON_CLIENT_ID="$(gcloud workspace-add-ons get-authorization '--format=value(oauthClientId)' --project=example-mailmagnet \
        --quiet)"
[ -n "$ADDON_CLIENT_ID" ] || { echo 'Google makes it when the API gsuiteaddons.googleapis.com is switched on: wait a minute and call this again.' >&2; exit 1; }

# 31. Repository of images: The image of the four services is kept in it, in your region.
if [ "$(gcloud artifacts repositories describe mailmagnet '--format=value(name.basename())' --location=europe-west1 \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet ]; then
    gcloud artifacts repositories create mailmagnet --repository-format=docker --location=europe-west1 \
        --project=example-mailmagnet --quiet
fi

# 32. Builder's role: Cloud Build builds as the project's default account, which in newer organisations has no role of its own
# (https://cloud.google.com/run/docs/configuring/services/build-service-account).
if [ "$(gcloud projects get-iam-policy example-mailmagnet '--flatten=bindings[].members' \
        "--filter=bindings.role=roles/run.builder AND bindings.members=serviceAccount:${PROJECT_NUMBER}-compute@developer.gserviceaccount.com" \
        '--format=value(bindings.role)' --quiet 2>/dev/null || true)" != roles/run.builder ]; then
    gcloud projects add-iam-policy-binding example-mailmagnet \
        "--member=serviceAccount:${PROJECT_NUMBER}-compute@developer.gserviceaccount.com" --role=roles/run.builder \
        --condition=None --quiet
fi

# 33. Image: Built once by Google's buildpack, for all four services, from this folder; its name follows from the files, so that
# the same source is not built again. Only what .gcloudignore names is uploaded.
if [ "$(gcloud artifacts tags list --package=mailmagnet --repository=mailmagnet --filter=name:IMAGE_TAG \
        '--format=value(name.basename())' --location=europe-west1 --project=example-mailmagnet --quiet 2>/dev/null || true)" != IMAGE_TAG ]; then
    gcloud builds submit . --region=europe-west1 \
        '--pack=image=europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG,env=GOOGLE_PYTHON_VERSION=3.11.*' \
        --project=example-mailmagnet --quiet
fi

# 34. Service mailmagnet-addon: The panel: one instance stays, so that nobody waits for a start; it notes who opened it after
# its answer is sent, so it keeps its CPU between requests. Its label says with what it was deployed.
cat > "$FILES/mailmagnet-addon.yaml" <<EOF
FUNCTION_TARGET: addon
FUNCTION_USE_ASGI: 'true'
MAILMAGNET_ADDON_URL: https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_PAGES_URL: https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_TICK_URL: https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_MAILBOX_URL: https://mailmagnet-label-mailbox-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_ADDON_SERVICE_ACCOUNT: ${ADDON_SERVICE_ACCOUNT}
MAILMAGNET_ADDON_CLIENT_ID: ${ADDON_CLIENT_ID}
MAILMAGNET_JOB_SERVICE_ACCOUNT: mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com
MAILMAGNET_TASKS_QUEUE: projects/example-mailmagnet/locations/europe-west1/queues/label-mailbox
MAILMAGNET_FIRESTORE_PROJECT: example-mailmagnet
MAILMAGNET_OAUTH_CLIENT_ID: 123456789012-example.apps.googleusercontent.com
MAILMAGNET_INTERNAL_DOMAINS: example.com
MAILMAGNET_ADMINS: it@example.com
MAILMAGNET_ORG_INSTALL: 'true'
MAILMAGNET_RETENTION_DAYS: '90'
MAILMAGNET_USER_CALLS_A_MINUTE: '120'
MAILMAGNET_CRM: odoo
MAILMAGNET_CRM_ORIGIN: https://example.odoo.com
EOF
if [ "$(gcloud run services describe mailmagnet-addon --region=europe-west1 \
        '--format=csv[no-heading](metadata.labels.mailmagnet,spec.template.spec.containers[0].image,status.conditions[0].type,status.conditions[0].status)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != d0c0b07159f0e66b,europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG,Ready,True ]; then
    gcloud run deploy mailmagnet-addon --region=europe-west1 \
        --image=europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG \
        --service-account=mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com --concurrency=80 --timeout=30 \
        --cpu=1 --memory=1Gi --min-instances=1 --max-instances=20 --no-cpu-throttling --cpu-boost --invoker-iam-check \
        --set-secrets=MAILMAGNET_OAUTH_CLIENT_SECRET=mailmagnet-oauth-client-secret:latest,MAILMAGNET_LINK_KEY=mailmagnet-link-key:latest,MAILMAGNET_LOG_KEY=mailmagnet-log-key:latest \
        "--env-vars-file=${FILES}/mailmagnet-addon.yaml" --labels=mailmagnet=d0c0b07159f0e66b \
        --project=example-mailmagnet --quiet
fi

# 35. Service mailmagnet-label-tick: The tick: one at a time, over all mailboxes that are due. Its label says with what it was
# deployed.
cat > "$FILES/mailmagnet-label-tick.yaml" <<EOF
FUNCTION_TARGET: label_tick
FUNCTION_USE_ASGI: 'true'
MAILMAGNET_ADDON_URL: https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_PAGES_URL: https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_TICK_URL: https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_MAILBOX_URL: https://mailmagnet-label-mailbox-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_ADDON_SERVICE_ACCOUNT: ${ADDON_SERVICE_ACCOUNT}
MAILMAGNET_ADDON_CLIENT_ID: ${ADDON_CLIENT_ID}
MAILMAGNET_JOB_SERVICE_ACCOUNT: mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com
MAILMAGNET_TASKS_QUEUE: projects/example-mailmagnet/locations/europe-west1/queues/label-mailbox
MAILMAGNET_FIRESTORE_PROJECT: example-mailmagnet
MAILMAGNET_OAUTH_CLIENT_ID: 123456789012-example.apps.googleusercontent.com
MAILMAGNET_INTERNAL_DOMAINS: example.com
MAILMAGNET_ADMINS: it@example.com
MAILMAGNET_ORG_INSTALL: 'true'
MAILMAGNET_RETENTION_DAYS: '90'
MAILMAGNET_USER_CALLS_A_MINUTE: '120'
MAILMAGNET_CRM: odoo
MAILMAGNET_CRM_ORIGIN: https://example.odoo.com
EOF
if [ "$(gcloud run services describe mailmagnet-label-tick --region=europe-west1 \
        '--format=csv[no-heading](metadata.labels.mailmagnet,spec.template.spec.containers[0].image,status.conditions[0].type,status.conditions[0].status)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != 4188ed3538406219,europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG,Ready,True ]; then
    gcloud run deploy mailmagnet-label-tick --region=europe-west1 \
        --image=europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG \
        --service-account=mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com --concurrency=1 --timeout=300 \
        --cpu=1 --memory=512Mi --min-instances=0 --max-instances=20 --cpu-throttling --cpu-boost --invoker-iam-check \
        --set-secrets=MAILMAGNET_OAUTH_CLIENT_SECRET=mailmagnet-oauth-client-secret:latest,MAILMAGNET_LINK_KEY=mailmagnet-link-key:latest,MAILMAGNET_LOG_KEY=mailmagnet-log-key:latest \
        "--env-vars-file=${FILES}/mailmagnet-label-tick.yaml" --labels=mailmagnet=4188ed3538406219 \
        --project=example-mailmagnet --quiet
fi

# 36. Service mailmagnet-label-mailbox: One mailbox's run: it works on few at once, for it holds their mails' headers in memory.
# Its label says with what it was deployed.
cat > "$FILES/mailmagnet-label-mailbox.yaml" <<EOF
FUNCTION_TARGET: label_mailbox
FUNCTION_USE_ASGI: 'true'
MAILMAGNET_ADDON_URL: https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_PAGES_URL: https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_TICK_URL: https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_MAILBOX_URL: https://mailmagnet-label-mailbox-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_ADDON_SERVICE_ACCOUNT: ${ADDON_SERVICE_ACCOUNT}
MAILMAGNET_ADDON_CLIENT_ID: ${ADDON_CLIENT_ID}
MAILMAGNET_JOB_SERVICE_ACCOUNT: mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com
MAILMAGNET_TASKS_QUEUE: projects/example-mailmagnet/locations/europe-west1/queues/label-mailbox
MAILMAGNET_FIRESTORE_PROJECT: example-mailmagnet
MAILMAGNET_OAUTH_CLIENT_ID: 123456789012-example.apps.googleusercontent.com
MAILMAGNET_INTERNAL_DOMAINS: example.com
MAILMAGNET_ADMINS: it@example.com
MAILMAGNET_ORG_INSTALL: 'true'
MAILMAGNET_RETENTION_DAYS: '90'
MAILMAGNET_USER_CALLS_A_MINUTE: '120'
MAILMAGNET_CRM: odoo
MAILMAGNET_CRM_ORIGIN: https://example.odoo.com
EOF
if [ "$(gcloud run services describe mailmagnet-label-mailbox --region=europe-west1 \
        '--format=csv[no-heading](metadata.labels.mailmagnet,spec.template.spec.containers[0].image,status.conditions[0].type,status.conditions[0].status)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != 9e73e4ecce083377,europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG,Ready,True ]; then
    gcloud run deploy mailmagnet-label-mailbox --region=europe-west1 \
        --image=europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG \
        --service-account=mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com --concurrency=4 --timeout=600 \
        --cpu=1 --memory=512Mi --min-instances=0 --max-instances=20 --cpu-throttling --cpu-boost --invoker-iam-check \
        --set-secrets=MAILMAGNET_OAUTH_CLIENT_SECRET=mailmagnet-oauth-client-secret:latest,MAILMAGNET_LINK_KEY=mailmagnet-link-key:latest,MAILMAGNET_LOG_KEY=mailmagnet-log-key:latest \
        "--env-vars-file=${FILES}/mailmagnet-label-mailbox.yaml" --labels=mailmagnet=9e73e4ecce083377 \
        --project=example-mailmagnet --quiet
fi

# 37. Service mailmagnet-pages: Pages for browsers: sign-in, consent, the record page. Its label says with what it was deployed.
cat > "$FILES/mailmagnet-pages.yaml" <<EOF
FUNCTION_TARGET: pages
FUNCTION_USE_ASGI: 'true'
MAILMAGNET_ADDON_URL: https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_PAGES_URL: https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_TICK_URL: https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_LABEL_MAILBOX_URL: https://mailmagnet-label-mailbox-${PROJECT_NUMBER}.europe-west1.run.app
MAILMAGNET_ADDON_SERVICE_ACCOUNT: ${ADDON_SERVICE_ACCOUNT}
MAILMAGNET_ADDON_CLIENT_ID: ${ADDON_CLIENT_ID}
MAILMAGNET_JOB_SERVICE_ACCOUNT: mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com
MAILMAGNET_TASKS_QUEUE: projects/example-mailmagnet/locations/europe-west1/queues/label-mailbox
MAILMAGNET_FIRESTORE_PROJECT: example-mailmagnet
MAILMAGNET_OAUTH_CLIENT_ID: 123456789012-example.apps.googleusercontent.com
MAILMAGNET_INTERNAL_DOMAINS: example.com
MAILMAGNET_ADMINS: it@example.com
MAILMAGNET_ORG_INSTALL: 'true'
MAILMAGNET_RETENTION_DAYS: '90'
MAILMAGNET_USER_CALLS_A_MINUTE: '120'
MAILMAGNET_CRM: odoo
MAILMAGNET_CRM_ORIGIN: https://example.odoo.com
EOF
if [ "$(gcloud run services describe mailmagnet-pages --region=europe-west1 \
        '--format=csv[no-heading](metadata.labels.mailmagnet,spec.template.spec.containers[0].image,status.conditions[0].type,status.conditions[0].status)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != 99035c3eca94eace,europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG,Ready,True ]; then
    gcloud run deploy mailmagnet-pages --region=europe-west1 \
        --image=europe-west1-docker.pkg.dev/example-mailmagnet/mailmagnet/mailmagnet:IMAGE_TAG \
        --service-account=mailmagnet-run@example-mailmagnet.iam.gserviceaccount.com --concurrency=80 --timeout=60 \
        --cpu=1 --memory=512Mi --min-instances=0 --max-instances=20 --cpu-throttling --cpu-boost \
        --no-invoker-iam-check \
        --set-secrets=MAILMAGNET_OAUTH_CLIENT_SECRET=mailmagnet-oauth-client-secret:latest,MAILMAGNET_LINK_KEY=mailmagnet-link-key:latest,MAILMAGNET_LOG_KEY=mailmagnet-log-key:latest \
        "--env-vars-file=${FILES}/mailmagnet-pages.yaml" --labels=mailmagnet=99035c3eca94eace \
        --project=example-mailmagnet --quiet
fi

# 38. Caller of mailmagnet-addon: Gmail alone calls the panel.
if [ "$(gcloud run services get-iam-policy mailmagnet-addon --region=europe-west1 '--flatten=bindings[].members' \
        "--filter=bindings.role=roles/run.invoker AND bindings.members=serviceAccount:${ADDON_SERVICE_ACCOUNT}" \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/run.invoker ]; then
    gcloud run services add-iam-policy-binding mailmagnet-addon --region=europe-west1 \
        "--member=serviceAccount:${ADDON_SERVICE_ACCOUNT}" --role=roles/run.invoker --project=example-mailmagnet \
        --quiet
fi

# 39. Caller of mailmagnet-label-tick: Cloud Scheduler alone calls the tick.
if [ "$(gcloud run services get-iam-policy mailmagnet-label-tick --region=europe-west1 '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/run.invoker AND bindings.members=serviceAccount:mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/run.invoker ]; then
    gcloud run services add-iam-policy-binding mailmagnet-label-tick --region=europe-west1 \
        --member=serviceAccount:mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com --role=roles/run.invoker \
        --project=example-mailmagnet --quiet
fi

# 40. Caller of mailmagnet-label-mailbox: Cloud Tasks alone calls a mailbox's run.
if [ "$(gcloud run services get-iam-policy mailmagnet-label-mailbox --region=europe-west1 \
        '--flatten=bindings[].members' \
        '--filter=bindings.role=roles/run.invoker AND bindings.members=serviceAccount:mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com' \
        '--format=value(bindings.role)' --project=example-mailmagnet --quiet 2>/dev/null || true)" != roles/run.invoker ]; then
    gcloud run services add-iam-policy-binding mailmagnet-label-mailbox --region=europe-west1 \
        --member=serviceAccount:mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com --role=roles/run.invoker \
        --project=example-mailmagnet --quiet
fi

# 41. Add-on: Gmail is told of the add-on: what it calls when, which consents it asks for, which links its cards may open.
cat > "$FILES/addon.json" <<EOF
{
  "oauthScopes": [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/script.locale",
    "https://www.googleapis.com/auth/gmail.addons.execute",
    "https://www.googleapis.com/auth/gmail.addons.current.message.metadata",
    "https://www.googleapis.com/auth/gmail.addons.current.action.compose"
  ],
  "addOns": {
    "common": {
      "name": "MailMagnet",
      "logoUrl": "https://www.gstatic.com/images/icons/material/system/1x/contacts_black_48dp.png",
      "useLocaleFromApp": true,
      "openLinkUrlPrefixes": [
        "https://mail.google.com/",
        "https://example.odoo.com/",
        "https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app/"
      ],
      "homepageTrigger": {
        "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/home"
      },
      "universalActions": [
        {
          "label": "Deals and search",
          "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/deals-and-search"
        },
        {
          "label": "Set up MailMagnet",
          "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/set-up"
        }
      ]
    },
    "gmail": {
      "contextualTriggers": [
        {
          "unconditional": {},
          "onTriggerFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/message"
        }
      ],
      "composeTrigger": {
        "actions": [
          {
            "label": "Templates and recipients",
            "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/compose"
          }
        ],
        "draftAccess": "METADATA"
      }
    },
    "httpOptions": {
      "authorizationHeader": "SYSTEM_ID_TOKEN",
      "granularOauthPermissionSupport": "OPT_IN"
    }
  }
}
EOF
if [ "$(gcloud workspace-add-ons deployments describe mailmagnet '--format=value(name.basename())' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet ]; then
    gcloud workspace-add-ons deployments create mailmagnet "--deployment-file=${FILES}/addon.json" \
        --project=example-mailmagnet --quiet
fi

# 42. Add-on as it should be: Each value that Gmail was told is compared with this deployment's; what differs is told anew.
cat > "$FILES/addon.json" <<EOF
{
  "oauthScopes": [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/script.locale",
    "https://www.googleapis.com/auth/gmail.addons.execute",
    "https://www.googleapis.com/auth/gmail.addons.current.message.metadata",
    "https://www.googleapis.com/auth/gmail.addons.current.action.compose"
  ],
  "addOns": {
    "common": {
      "name": "MailMagnet",
      "logoUrl": "https://www.gstatic.com/images/icons/material/system/1x/contacts_black_48dp.png",
      "useLocaleFromApp": true,
      "openLinkUrlPrefixes": [
        "https://mail.google.com/",
        "https://example.odoo.com/",
        "https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app/"
      ],
      "homepageTrigger": {
        "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/home"
      },
      "universalActions": [
        {
          "label": "Deals and search",
          "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/deals-and-search"
        },
        {
          "label": "Set up MailMagnet",
          "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/set-up"
        }
      ]
    },
    "gmail": {
      "contextualTriggers": [
        {
          "unconditional": {},
          "onTriggerFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/message"
        }
      ],
      "composeTrigger": {
        "actions": [
          {
            "label": "Templates and recipients",
            "runFunction": "https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/compose"
          }
        ],
        "draftAccess": "METADATA"
      }
    },
    "httpOptions": {
      "authorizationHeader": "SYSTEM_ID_TOKEN",
      "granularOauthPermissionSupport": "OPT_IN"
    }
  }
}
EOF
if [ "$(gcloud workspace-add-ons deployments describe mailmagnet \
        '--format=value[separator=|](oauthScopes[0],oauthScopes[1],oauthScopes[2],oauthScopes[3],oauthScopes[4],oauthScopes[5],addOns.common.name,addOns.common.logoUrl,addOns.common.useLocaleFromApp,addOns.common.openLinkUrlPrefixes[0],addOns.common.openLinkUrlPrefixes[1],addOns.common.openLinkUrlPrefixes[2],addOns.common.homepageTrigger.runFunction,addOns.common.universalActions[0].label,addOns.common.universalActions[0].runFunction,addOns.common.universalActions[1].label,addOns.common.universalActions[1].runFunction,addOns.gmail.contextualTriggers[0].onTriggerFunction,addOns.gmail.composeTrigger.actions[0].label,addOns.gmail.composeTrigger.actions[0].runFunction,addOns.gmail.composeTrigger.draftAccess,addOns.httpOptions.authorizationHeader,addOns.httpOptions.granularOauthPermissionSupport)' \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != "openid|https://www.googleapis.com/auth/userinfo.email|https://www.googleapis.com/auth/script.locale|https://www.googleapis.com/auth/gmail.addons.execute|https://www.googleapis.com/auth/gmail.addons.current.message.metadata|https://www.googleapis.com/auth/gmail.addons.current.action.compose|MailMagnet|https://www.gstatic.com/images/icons/material/system/1x/contacts_black_48dp.png|True|https://mail.google.com/|https://example.odoo.com/|https://mailmagnet-pages-${PROJECT_NUMBER}.europe-west1.run.app/|https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/home|Deals and search|https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/deals-and-search|Set up MailMagnet|https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/set-up|https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/message|Templates and recipients|https://mailmagnet-addon-${PROJECT_NUMBER}.europe-west1.run.app/compose|METADATA|SYSTEM_ID_TOKEN|OPT_IN" ]; then
    gcloud workspace-add-ons deployments replace mailmagnet "--deployment-file=${FILES}/addon.json" \
        --project=example-mailmagnet --quiet
fi

# 43. Tick: Each minute Cloud Scheduler calls label_tick, which sends one task for each mailbox that is due.
if [ "$(gcloud scheduler jobs describe mailmagnet-label-tick '--format=value(name.basename())' --location=europe-west1 \
        --project=example-mailmagnet --quiet 2>/dev/null || true)" != mailmagnet-label-tick ]; then
    gcloud scheduler jobs create http mailmagnet-label-tick --http-method=post '--schedule=* * * * *' \
        "--uri=https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app/" \
        --oidc-service-account-email=mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        "--oidc-token-audience=https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app" \
        --attempt-deadline=180s --max-retry-attempts=0 --location=europe-west1 --project=example-mailmagnet --quiet
fi

# 44. Tick as it should be: Its token is made out to exactly the URL that label_tick expects; else every call is refused.
if [ "$(gcloud scheduler jobs describe mailmagnet-label-tick \
        '--format=value[separator=|](schedule,httpTarget.uri,httpTarget.oidcToken.serviceAccountEmail,httpTarget.oidcToken.audience,state)' \
        --location=europe-west1 --project=example-mailmagnet --quiet 2>/dev/null || true)" != "* * * * *|https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app/|mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com|https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app|ENABLED" ]; then
    gcloud scheduler jobs update http mailmagnet-label-tick --http-method=post '--schedule=* * * * *' \
        "--uri=https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app/" \
        --oidc-service-account-email=mailmagnet-job@example-mailmagnet.iam.gserviceaccount.com \
        "--oidc-token-audience=https://mailmagnet-label-tick-${PROJECT_NUMBER}.europe-west1.run.app" \
        --attempt-deadline=180s --max-retry-attempts=0 --location=europe-west1 --project=example-mailmagnet --quiet
    gcloud scheduler jobs resume mailmagnet-label-tick --location=europe-west1 --project=example-mailmagnet \
        --quiet
fi

# 45. BILLING_ACCOUNT: A budget belongs to the billing account.
BILLING_ACCOUNT="$(gcloud billing projects describe example-mailmagnet '--format=value(billingAccountName.basename())' --quiet)"
[ -n "$BILLING_ACCOUNT" ] || { echo 'Give the project a billing account: https://console.cloud.google.com/billing/projects' >&2; exit 1; }

# 46. Budget: Mail goes to the billing account's admins when half of it is spent, and all of it. It stops nothing.
if [ "$(gcloud billing budgets list "--billing-account=${BILLING_ACCOUNT}" \
        --filter=displayName=mailmagnet-example-mailmagnet '--format=value(displayName)' --quiet 2>/dev/null || true)" != mailmagnet-example-mailmagnet ]; then
    gcloud billing budgets create "--billing-account=${BILLING_ACCOUNT}" \
        --display-name=mailmagnet-example-mailmagnet --budget-amount=50EUR \
        --filter-projects=projects/example-mailmagnet --threshold-rule=percent=0.5 --threshold-rule=percent=1.0 \
        --quiet
fi

# 47. BUDGET: The budget's own name, by which it is changed.
BUDGET="$(gcloud billing budgets list "--billing-account=${BILLING_ACCOUNT}" \
        --filter=displayName=mailmagnet-example-mailmagnet '--format=value(name.basename())' --quiet)"
[ -n "$BUDGET" ] || { echo 'You need the role Billing Account Costs Manager on the billing account; or take the budget out of deployment.yaml.' >&2; exit 1; }

# 48. Budget's amount: It is deployment.yaml's.
if [ "$(gcloud billing budgets list "--billing-account=${BILLING_ACCOUNT}" \
        --filter=displayName=mailmagnet-example-mailmagnet \
        '--format=csv[no-heading](amount.specifiedAmount.units,amount.specifiedAmount.currencyCode)' --quiet 2>/dev/null || true)" != 50,EUR ]; then
    gcloud billing budgets update "${BUDGET}" "--billing-account=${BILLING_ACCOUNT}" --budget-amount=50EUR --quiet
fi

# 49. Metric mailmagnet_mailboxes_failed: Runs of a mailbox that failed, by the reason that is kept with it.
cat > "$FILES/mailmagnet_mailboxes_failed.json" <<EOF
{"description": "Runs of a mailbox that failed, by the reason that is kept with it. (2457b2951210)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.message=\\"not sorted\\"", "metricDescriptor": {"displayName": "MailMagnet: mailboxes not sorted", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "reason", "valueType": "STRING", "description": "why: consent, gmail_refuses, crm_sign_in, crm_permission or failing"}, {"key": "service", "valueType": "STRING", "description": "what did not do what was asked"}]}, "labelExtractors": {"reason": "EXTRACT(jsonPayload.mailbox)", "service": "EXTRACT(jsonPayload.service)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_mailboxes_failed --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Runs of a mailbox that failed, by the reason that is kept with it. (2457b2951210)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_mailboxes_failed --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_mailboxes_failed --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_mailboxes_failed.json\" --quiet"
fi

# 50. Metric mailmagnet_not_revoked: Tries to end a consent at Google that failed. The next tick tries again.
cat > "$FILES/mailmagnet_not_revoked.json" <<EOF
{"description": "Tries to end a consent at Google that failed. The next tick tries again. (c941503afa98)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.message=\\"not revoked yet\\"", "metricDescriptor": {"displayName": "MailMagnet: consents not ended yet", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "service", "valueType": "STRING", "description": "what did not do what was asked"}]}, "labelExtractors": {"service": "EXTRACT(jsonPayload.service)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_not_revoked --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Tries to end a consent at Google that failed. The next tick tries again. (c941503afa98)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_not_revoked --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_not_revoked --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_not_revoked.json\" --quiet"
fi

# 51. Metric mailmagnet_own_problems: Problems of what MailMagnet itself runs on: vault, store, queue, certificates.
cat > "$FILES/mailmagnet_own_problems.json" <<EOF
{"description": "Problems of what MailMagnet itself runs on: vault, store, queue, certificates. (175432d6b67e)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.side=\\"ours\\" AND NOT jsonPayload.service=\\"Google Chat\\" AND NOT (jsonPayload.service=\\"MailMagnet\\" AND jsonPayload.error=\\"RateLimited\\")", "metricDescriptor": {"displayName": "MailMagnet: its own parts", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "service", "valueType": "STRING", "description": "what did not do what was asked"}, {"key": "error", "valueType": "STRING", "description": "the error's type"}]}, "labelExtractors": {"service": "EXTRACT(jsonPayload.service)", "error": "EXTRACT(jsonPayload.error)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_own_problems --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Problems of what MailMagnet itself runs on: vault, store, queue, certificates. (175432d6b67e)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_own_problems --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_own_problems --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_own_problems.json\" --quiet"
fi

# 52. Metric mailmagnet_panels: Answers of the sidebar, and how many milliseconds each took. What strangers are refused is left
# out.
cat > "$FILES/mailmagnet_panels.json" <<EOF
{"description": "Answers of the sidebar, and how many milliseconds each took. What strangers are refused is left out. (1a31370a30f7)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.function=\\"addon\\" AND (jsonPayload.status<400 OR jsonPayload.status>=500)", "metricDescriptor": {"displayName": "MailMagnet: panels", "metricKind": "DELTA", "valueType": "DISTRIBUTION", "unit": "ms"}, "valueExtractor": "EXTRACT(jsonPayload.ms)", "bucketOptions": {"explicitBuckets": {"bounds": [50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 5000, 7500, 10000, 30000]}}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_panels --project=example-mailmagnet '--format=value(description)' \
        --quiet 2>/dev/null || true)" != 'Answers of the sidebar, and how many milliseconds each took. What strangers are refused is left out. (1a31370a30f7)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_panels --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_panels --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_panels.json\" --quiet"
fi

# 53. Metric mailmagnet_panels_missed: Answers of the sidebar that failed, or took more than 5 seconds.
cat > "$FILES/mailmagnet_panels_missed.json" <<EOF
{"description": "Answers of the sidebar that failed, or took more than 5 seconds. (86ce3a6279c8)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.function=\\"addon\\" AND (jsonPayload.status<400 OR jsonPayload.status>=500) AND (jsonPayload.status>=500 OR jsonPayload.ms>5000)", "metricDescriptor": {"displayName": "MailMagnet: panels failed or late", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "error", "valueType": "STRING", "description": "the error's type, empty for one that was only late"}]}, "labelExtractors": {"error": "EXTRACT(jsonPayload.error)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_panels_missed --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Answers of the sidebar that failed, or took more than 5 seconds. (86ce3a6279c8)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_panels_missed --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_panels_missed --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_panels_missed.json\" --quiet"
fi

# 54. Metric mailmagnet_problems_shown: Problems that a panel or a page showed to its user, beside what it had.
cat > "$FILES/mailmagnet_problems_shown.json" <<EOF
{"description": "Problems that a panel or a page showed to its user, beside what it had. (b325548cbb0d)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.message=\\"problem shown\\"", "metricDescriptor": {"displayName": "MailMagnet: problems shown", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "service", "valueType": "STRING", "description": "what did not do what was asked"}, {"key": "error", "valueType": "STRING", "description": "the error's type"}]}, "labelExtractors": {"service": "EXTRACT(jsonPayload.service)", "error": "EXTRACT(jsonPayload.error)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_problems_shown --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Problems that a panel or a page showed to its user, beside what it had. (b325548cbb0d)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_problems_shown --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_problems_shown --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_problems_shown.json\" --quiet"
fi

# 55. Metric mailmagnet_tick_failures: Ticks that failed, whole or for one organisation.
cat > "$FILES/mailmagnet_tick_failures.json" <<EOF
{"description": "Ticks that failed, whole or for one organisation. (c6a997a3aa52)", "filter": "resource.type=\\"cloud_run_revision\\" AND ((jsonPayload.function=\\"label_tick\\" AND jsonPayload.status>=500) OR jsonPayload.message=\\"tick failed for an organisation\\")", "metricDescriptor": {"displayName": "MailMagnet: ticks failed", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "service", "valueType": "STRING", "description": "what did not do what was asked"}, {"key": "error", "valueType": "STRING", "description": "the error's type"}]}, "labelExtractors": {"service": "EXTRACT(jsonPayload.service)", "error": "EXTRACT(jsonPayload.error)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_tick_failures --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Ticks that failed, whole or for one organisation. (c6a997a3aa52)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_tick_failures --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_tick_failures --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_tick_failures.json\" --quiet"
fi

# 56. Metric mailmagnet_ticks: Ticks of the scheduler that did their work.
cat > "$FILES/mailmagnet_ticks.json" <<EOF
{"description": "Ticks of the scheduler that did their work. (6bf1c56ec0e8)", "filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.function=\\"label_tick\\" AND jsonPayload.status=200", "metricDescriptor": {"displayName": "MailMagnet: ticks done", "metricKind": "DELTA", "valueType": "INT64", "unit": "1"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_ticks --project=example-mailmagnet '--format=value(description)' \
        --quiet 2>/dev/null || true)" != 'Ticks of the scheduler that did their work. (6bf1c56ec0e8)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_ticks --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_ticks --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_ticks.json\" --quiet"
fi

# 57. Metric mailmagnet_unforeseen: Errors that nobody foresaw. Error Reporting has them grouped.
cat > "$FILES/mailmagnet_unforeseen.json" <<EOF
{"description": "Errors that nobody foresaw. Error Reporting has them grouped. (0a980605e6f1)", "filter": "resource.type=\\"cloud_run_revision\\" AND severity=\\"ERROR\\" AND jsonPayload.stack_trace:\\"Traceback\\"", "metricDescriptor": {"displayName": "MailMagnet: unforeseen errors", "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "labels": [{"key": "error", "valueType": "STRING", "description": "the error's type"}]}, "labelExtractors": {"error": "EXTRACT(jsonPayload.error)"}}
EOF
if [ "$(gcloud logging metrics describe mailmagnet_unforeseen --project=example-mailmagnet \
        '--format=value(description)' --quiet 2>/dev/null || true)" != 'Errors that nobody foresaw. Error Reporting has them grouped. (0a980605e6f1)' ]; then
    sh -c \
        "if gcloud logging metrics describe mailmagnet_unforeseen --project=example-mailmagnet --quiet >/dev/null 2>&1; then verb=update; else verb=create; fi; gcloud logging metrics \"\$verb\" mailmagnet_unforeseen --project=example-mailmagnet --config-from-file=\"${FILES}/mailmagnet_unforeseen.json\" --quiet"
fi

# 58. Where alerts go: it@example.com is told by mail when something is wrong.
if [ "$(gcloud beta monitoring channels list --project=example-mailmagnet \
        '--filter=type="email" AND labels.email_address="it@example.com"' --limit=1 \
        '--format=value(labels.email_address)' --quiet 2>/dev/null || true)" != it@example.com ]; then
    gcloud beta monitoring channels create --project=example-mailmagnet --type=email --display-name=MailMagnet \
        --channel-labels=email_address=it@example.com --quiet
fi

# 59. ALERTS_CHANNEL: Alerts name where they go.
ALERTS_CHANNEL="$(gcloud beta monitoring channels list --project=example-mailmagnet \
        '--filter=type="email" AND labels.email_address="it@example.com"' --limit=1 '--format=value(name)' --quiet)"
[ -n "$ALERTS_CHANNEL" ] || { echo 'Run this again: Google has not listed the new channel yet.' >&2; exit 1; }

# 60. Alert mailboxes_failed: One mailbox's trouble is its user's, who is told in the sidebar. Many at once have one cause:
# `consent`, `gmail_refuses`: the consent or the domain-wide delegation was taken away; `crm_sign_in`, `crm_permission`:
# something changed in the CRM; `failing`: Gmail or the CRM is down.
cat > "$FILES/mailboxes_failed.json" <<EOF
{"displayName": "MailMagnet: many mailboxes are not sorted", "severity": "WARNING", "combiner": "OR", "conditions": [{"displayName": "More than 20 runs in an hour, for one reason", "conditionPrometheusQueryLanguage": {"query": "sum by (reason) (increase(logging_googleapis_com:user_mailmagnet_mailboxes_failed[60m])) > 20", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "One mailbox's trouble is its user's, who is told in the sidebar. Many at once have one cause: \`consent\`, \`gmail_refuses\`: the consent or the domain-wide delegation was taken away; \`crm_sign_in\`, \`crm_permission\`: something changed in the CRM; \`failing\`: Gmail or the CRM is down.\\n\\n\`mailmagnet doctor\` tells which."}, "alertStrategy": {"autoClose": "86400s"}, "userLabels": {"mailmagnet_version": "cd49a86d0968"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: many mailboxes are not sorted"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "cd49a86d0968,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: many mailboxes are not sorted"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/mailboxes_failed.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 61. Alert no_tick: Nobody's mail is sorted: the scheduler's call of `label_tick` comes every minute, and none has done its
# work for 10 minutes.
cat > "$FILES/no_tick.json" <<EOF
{"displayName": "MailMagnet: no tick", "severity": "CRITICAL", "combiner": "OR", "conditions": [{"displayName": "No tick for 10 minutes", "conditionPrometheusQueryLanguage": {"query": "(sum(increase(logging_googleapis_com:user_mailmagnet_ticks[10m])) or vector(0)) < 1", "duration": "120s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "Nobody's mail is sorted: the scheduler's call of \`label_tick\` comes every minute, and none has done its work for 10 minutes.\\n\\n\`mailmagnet doctor\` tells whether the scheduler is paused, its audience is wrong, or its account may not call."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "77b1e40c5ec8"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: no tick"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "77b1e40c5ec8,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: no tick"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/no_tick.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 62. Alert not_revoked: Somebody has left, and Google could not be told to end the consent. Every tick tries again; nothing
# else is done with it.
cat > "$FILES/not_revoked.json" <<EOF
{"displayName": "MailMagnet: consents are not ended", "severity": "WARNING", "combiner": "OR", "conditions": [{"displayName": "For more than half an hour", "conditionPrometheusQueryLanguage": {"query": "sum(increase(logging_googleapis_com:user_mailmagnet_not_revoked[60m])) > 30", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "Somebody has left, and Google could not be told to end the consent. Every tick tries again; nothing else is done with it."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "472ff39668e6"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: consents are not ended"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "472ff39668e6,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: consents are not ended"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/not_revoked.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 63. Alert own_problems: `service` is what fails: the vault, the store, the queue, Google's certificates. `mailmagnet doctor`
# tells what is wrong with it.
cat > "$FILES/own_problems.json" <<EOF
{"displayName": "MailMagnet: a part of its own fails", "severity": "ERROR", "combiner": "OR", "conditions": [{"displayName": "More than 10 in 10 minutes", "conditionPrometheusQueryLanguage": {"query": "sum by (service) (increase(logging_googleapis_com:user_mailmagnet_own_problems[10m])) > 10", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "\`service\` is what fails: the vault, the store, the queue, Google's certificates. \`mailmagnet doctor\` tells what is wrong with it."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "c9c0577a59a6"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: a part of its own fails"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "c9c0577a59a6,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: a part of its own fails"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/own_problems.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 64. Alert panels: Of 1,000 panels 999 should be answered within 5 seconds. Now many are not: users see Gmail's own error, or
# wait.
cat > "$FILES/panels.json" <<EOF
{"displayName": "MailMagnet: panels fail or are late", "severity": "CRITICAL", "combiner": "OR", "conditions": [{"displayName": "A month's share of missed panels would be used up in two days", "conditionPrometheusQueryLanguage": {"query": "(sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[1h])) / sum(increase(logging_googleapis_com:user_mailmagnet_panels_count[1h]))) > 0.0144 and (sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[5m])) / sum(increase(logging_googleapis_com:user_mailmagnet_panels_count[5m]))) > 0.0144 and sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[1h])) >= 5", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}, {"displayName": "A month's share of missed panels would be used up in five days", "conditionPrometheusQueryLanguage": {"query": "(sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[6h])) / sum(increase(logging_googleapis_com:user_mailmagnet_panels_count[6h]))) > 0.006 and (sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[30m])) / sum(increase(logging_googleapis_com:user_mailmagnet_panels_count[30m]))) > 0.006 and sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[6h])) >= 5", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "Of 1,000 panels 999 should be answered within 5 seconds. Now many are not: users see Gmail's own error, or wait.\\n\\nThe dashboard MailMagnet shows why (panels failed or late, by error; its own parts). \`mailmagnet doctor\` tells what is wrong and how to mend it."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "7052ad7b698e"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: panels fail or are late"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "7052ad7b698e,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: panels fail or are late"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet "--policy-from-file=${FILES}/panels.json" \
        "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 65. Alert services: Cloud Run itself counts these: also what never came to MailMagnet, because no instance started or there
# were too few. The service's own log tells why.
cat > "$FILES/services.json" <<EOF
{"displayName": "MailMagnet: Cloud Run does not reach a service", "severity": "ERROR", "combiner": "OR", "conditions": [{"displayName": "More than 10 answers with status 5xx in 10 minutes", "conditionPrometheusQueryLanguage": {"query": "sum by (service_name) (increase(run_googleapis_com:request_count{monitored_resource=\\"cloud_run_revision\\", service_name=~\\"mailmagnet-addon|mailmagnet-label-tick|mailmagnet-label-mailbox|mailmagnet-pages\\", response_code_class=\\"5xx\\"}[10m])) > 10", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "Cloud Run itself counts these: also what never came to MailMagnet, because no instance started or there were too few. The service's own log tells why."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "2e8cab7c1914"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: Cloud Run does not reach a service"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "2e8cab7c1914,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: Cloud Run does not reach a service"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/services.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 66. Alert tick_failures: A tick sends each due mailbox to the queue. It fails, whole or for one organisation; the next one
# tries again.
cat > "$FILES/tick_failures.json" <<EOF
{"displayName": "MailMagnet: ticks fail", "severity": "ERROR", "combiner": "OR", "conditions": [{"displayName": "More than 5 in 15 minutes", "conditionPrometheusQueryLanguage": {"query": "sum by (service, error) (increase(logging_googleapis_com:user_mailmagnet_tick_failures[15m])) > 5", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "A tick sends each due mailbox to the queue. It fails, whole or for one organisation; the next one tries again.\\n\\n\`service\` says what did not do what was asked. \`mailmagnet doctor\` tells how to mend it."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "9c7998028147"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: ticks fail"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "9c7998028147,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: ticks fail"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/tick_failures.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 67. Alert unforeseen: An error that nobody foresaw: a fault of MailMagnet. Error Reporting has it grouped, with its calls and
# without its text. Please report it with these.
cat > "$FILES/unforeseen.json" <<EOF
{"displayName": "MailMagnet: an unforeseen error", "severity": "ERROR", "combiner": "OR", "conditions": [{"displayName": "Any", "conditionPrometheusQueryLanguage": {"query": "sum by (error) (increase(logging_googleapis_com:user_mailmagnet_unforeseen[5m])) > 0", "duration": "0s", "evaluationInterval": "60s", "disableMetricValidation": true}}], "documentation": {"mimeType": "text/markdown", "content": "An error that nobody foresaw: a fault of MailMagnet. Error Reporting has it grouped, with its calls and without its text. Please report it with these."}, "alertStrategy": {"autoClose": "3600s"}, "userLabels": {"mailmagnet_version": "70d04d990e3e"}}
EOF
if [ "$(gcloud alpha monitoring policies list --project=example-mailmagnet \
        '--filter=display_name="MailMagnet: an unforeseen error"' \
        '--format=csv[no-heading](userLabels.mailmagnet_version,notificationChannels[0])' --quiet 2>/dev/null || true)" != "70d04d990e3e,${ALERTS_CHANNEL}" ]; then
    sh -c \
        'for name in $(gcloud alpha monitoring policies list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet: an unforeseen error"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud alpha monitoring policies delete "$name" --quiet || exit; done'
    gcloud alpha monitoring policies create --project=example-mailmagnet \
        "--policy-from-file=${FILES}/unforeseen.json" "--notification-channels=${ALERTS_CHANNEL}" --quiet
fi

# 68. Dashboard MailMagnet: One page that shows how fast panels are, what fails, and the log's warnings.
cat > "$FILES/dashboard.json" <<EOF
{"displayName": "MailMagnet", "mosaicLayout": {"columns": 48, "tiles": [{"xPos": 0, "yPos": 0, "width": 12, "height": 8, "widget": {"title": "Panels within 5 s, the last 28 days (goal: 99.9 %)", "scorecard": {"timeSeriesQuery": {"prometheusQuery": "100 * (1 - (sum(increase(logging_googleapis_com:user_mailmagnet_panels_missed[28d])) or vector(0)) / sum(increase(logging_googleapis_com:user_mailmagnet_panels_count[28d])))"}, "thresholds": [{"value": 99.9, "color": "RED", "direction": "BELOW"}], "blankView": {}}}}, {"xPos": 12, "yPos": 0, "width": 18, "height": 8, "widget": {"title": "How long a panel takes", "xyChart": {"dataSets": [{"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "histogram_quantile(0.5, sum by (le) (rate(logging_googleapis_com:user_mailmagnet_panels_bucket[5m])))"}, "legendTemplate": "half"}, {"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "histogram_quantile(0.95, sum by (le) (rate(logging_googleapis_com:user_mailmagnet_panels_bucket[5m])))"}, "legendTemplate": "95 of 100"}, {"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "histogram_quantile(0.99, sum by (le) (rate(logging_googleapis_com:user_mailmagnet_panels_bucket[5m])))"}, "legendTemplate": "99 of 100"}], "yAxis": {"label": "ms", "scale": "LINEAR"}, "thresholds": [{"value": 5000}]}}}, {"xPos": 30, "yPos": 0, "width": 18, "height": 8, "widget": {"title": "As Cloud Run sees it, with the start of new instances", "xyChart": {"dataSets": [{"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "histogram_quantile(0.99, sum by (le) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource=\\"cloud_run_revision\\", service_name=\\"mailmagnet-addon\\"}[5m])))"}, "legendTemplate": "99 of 100"}], "yAxis": {"label": "ms", "scale": "LINEAR"}}}}, {"xPos": 0, "yPos": 8, "width": 24, "height": 8, "widget": {"title": "Panels failed or late, by error", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (error) (increase(logging_googleapis_com:user_mailmagnet_panels_missed[5m]))"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 24, "yPos": 8, "width": 24, "height": 8, "widget": {"title": "Problems shown to users, by what did not answer", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service) (increase(logging_googleapis_com:user_mailmagnet_problems_shown[5m]))"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 0, "yPos": 16, "width": 24, "height": 8, "widget": {"title": "Ticks", "xyChart": {"dataSets": [{"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum(increase(logging_googleapis_com:user_mailmagnet_ticks[5m]))"}, "legendTemplate": "done"}, {"plotType": "LINE", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service) (increase(logging_googleapis_com:user_mailmagnet_tick_failures[5m]))"}, "legendTemplate": "failed"}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 24, "yPos": 16, "width": 24, "height": 8, "widget": {"title": "Mailboxes not sorted, by reason", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (reason) (increase(logging_googleapis_com:user_mailmagnet_mailboxes_failed[5m]))"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 0, "yPos": 24, "width": 24, "height": 8, "widget": {"title": "Its own parts: vault, store, queue, certificates", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service) (increase(logging_googleapis_com:user_mailmagnet_own_problems[5m]))"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 24, "yPos": 24, "width": 24, "height": 8, "widget": {"title": "Unforeseen errors, and consents not ended yet", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (error) (increase(logging_googleapis_com:user_mailmagnet_unforeseen[5m]))"}}, {"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service) (increase(logging_googleapis_com:user_mailmagnet_not_revoked[5m]))"}, "legendTemplate": "not ended"}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 0, "yPos": 32, "width": 24, "height": 8, "widget": {"title": "Instances", "xyChart": {"dataSets": [{"plotType": "STACKED_AREA", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service_name) (run_googleapis_com:container_instance_count{monitored_resource=\\"cloud_run_revision\\", service_name=~\\"mailmagnet-addon|mailmagnet-label-tick|mailmagnet-label-mailbox|mailmagnet-pages\\"})"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 24, "yPos": 32, "width": 24, "height": 8, "widget": {"title": "Answers with status 5xx, as Cloud Run counts them", "xyChart": {"dataSets": [{"plotType": "STACKED_BAR", "targetAxis": "Y1", "timeSeriesQuery": {"prometheusQuery": "sum by (service_name) (increase(run_googleapis_com:request_count{monitored_resource=\\"cloud_run_revision\\", service_name=~\\"mailmagnet-addon|mailmagnet-label-tick|mailmagnet-label-mailbox|mailmagnet-pages\\", response_code_class=\\"5xx\\"}[5m]))"}}], "yAxis": {"label": "", "scale": "LINEAR"}}}}, {"xPos": 0, "yPos": 40, "width": 48, "height": 12, "widget": {"title": "Log: warnings and errors", "logsPanel": {"filter": "resource.type=\\"cloud_run_revision\\" AND jsonPayload.message:* AND severity>=WARNING"}}}]}, "labels": {"mailmagnet_version": "c8679108f5a9"}}
EOF
if [ "$(gcloud monitoring dashboards list --project=example-mailmagnet '--filter=display_name="MailMagnet"' \
        '--format=value(labels.mailmagnet_version)' --quiet 2>/dev/null || true)" != c8679108f5a9 ]; then
    sh -c \
        'for name in $(gcloud monitoring dashboards list --project=example-mailmagnet '"'"'--filter=display_name="MailMagnet"'"'"' '"'"'--format=value(name)'"'"' --quiet); do gcloud monitoring dashboards delete "$name" --quiet || exit; done'
    gcloud monitoring dashboards create --project=example-mailmagnet "--config-from-file=${FILES}/dashboard.json" \
        --quiet
fi
