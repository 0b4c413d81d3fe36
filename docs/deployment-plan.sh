#!/usr/bin/env bash
# What `mailmagnet deploy` does, from deployment.yaml. Each step looks first whether it is done; run it again as often as you like.
set -euo pipefail
FILES="$(mktemp -d)"
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
