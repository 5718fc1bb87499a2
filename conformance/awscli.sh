# The main jobs with the AWS CLI; $1 is a folder for files. Run with -euo pipefail.
cd "$1"

bucket=cli-$RANDOM
printf 'ann@cli.example,BOUNCE\nnobody\n' >rows.csv
aws s3 mb "s3://$bucket" >/dev/null
aws s3 cp rows.csv "s3://$bucket/rows.csv" >/dev/null
aws s3 cp "s3://$bucket/rows.csv" back.csv >/dev/null
cmp rows.csv back.csv

# Large enough that the CLI sends it in parts.
head -c 20000000 /dev/urandom >large.bin
aws s3 cp large.bin "s3://$bucket/large.bin" >/dev/null
aws s3 cp "s3://$bucket/large.bin" large.back >/dev/null
cmp large.bin large.back

# Not grep -q on a pipe: it leaves at the first match, and the CLI fails on what it
# writes after that.
has() { [[ $2 == *"$1"* ]] || { echo "no $1 in: $2" >&2; return 1; }; }
has ' 20000000 large.bin' "$(aws s3 ls "s3://$bucket/")"

wait_for() { # wait_for WORD COMMAND...: until the command prints the word
	local word=$1 got=
	shift
	for _ in $(seq 600); do
		got=$("$@")
		[ "$got" = "$word" ] && return
		sleep 0.2
	done
	echo "waited in vain for $word, got $got" >&2
	return 1
}

job=$(aws sesv2 create-import-job \
	--import-destination 'SuppressionListDestination={SuppressionListImportAction=PUT}' \
	--import-data-source "S3Url=s3://$bucket/rows.csv,DataFormat=CSV" --query JobId --output text)
wait_for COMPLETED aws sesv2 get-import-job --job-id "$job" --query JobStatus --output text
test "$(aws sesv2 get-import-job --job-id "$job" --query '[ProcessedRecordsCount,FailedRecordsCount]' --output text)" = "$(printf '2\t1')"
aws sesv2 get-suppressed-destination --email-address ann@cli.example >/dev/null
has "$job" "$(aws sesv2 list-import-jobs --query 'ImportJobs[].JobId' --output text)"
aws sesv2 delete-suppressed-destination --email-address ann@cli.example

list=$(aws mailmanager create-address-list --address-list-name "cli-$RANDOM" --query AddressListId --output text)
printf 'address\nann@cli.example\n*@cli.example\n' >list.csv
read -r job url < <(aws mailmanager create-address-list-import-job --address-list-id "$list" --name cli \
	--import-data-format ImportDataType=CSV --query '[JobId,PreSignedUrl]' --output text)
curl -sSf -X PUT -T list.csv "$url"
aws mailmanager start-address-list-import-job --job-id "$job"
wait_for COMPLETED aws mailmanager get-address-list-import-job --job-id "$job" --query Status --output text
test "$(aws mailmanager list-members-of-address-list --address-list-id "$list" --query 'length(Addresses)' --output text)" = 2
aws mailmanager delete-address-list --address-list-id "$list"

contacts=cli-$RANDOM
aws sesv2 create-contact-list --contact-list-name "$contacts" \
	--topics TopicName=news,DisplayName=News,DefaultSubscriptionStatus=OPT_IN
printf 'emailAddress,topicPreferences.news\nann@cli.example,OPT_OUT\nbob/b+c@cli.example,\nnobody,\n' >contacts.csv
aws s3 cp contacts.csv "s3://$bucket/contacts.csv" >/dev/null
job=$(aws sesv2 create-import-job \
	--import-destination "ContactListDestination={ContactListName=$contacts,ContactListImportAction=PUT}" \
	--import-data-source "S3Url=s3://$bucket/contacts.csv,DataFormat=CSV" --query JobId --output text)
wait_for COMPLETED aws sesv2 get-import-job --job-id "$job" --query JobStatus --output text
test "$(aws sesv2 list-contacts --contact-list-name "$contacts" --query 'length(Contacts)' --output text)" = 2
test "$(aws sesv2 get-contact --contact-list-name "$contacts" --email-address bob/b+c@cli.example \
	--query 'TopicDefaultPreferences[0].SubscriptionStatus' --output text)" = OPT_IN
aws sesv2 delete-contact-list --contact-list-name "$contacts"

# Q in Connect is the same on the wire.
base=$(aws wisdom create-knowledge-base --name "cli-$RANDOM" --knowledge-base-type QUICK_RESPONSES \
	--query knowledgeBase.knowledgeBaseId --output text)
printf 'name,content\nhello,Good day\nbye,See you\n' >responses.csv
read -r upload url < <(aws wisdom start-content-upload --knowledge-base-id "$base" --content-type text/csv \
	--query '[uploadId,url]' --output text)
curl -sSf -X PUT -H 'Content-Type: text/csv' -T responses.csv "$url"
job=$(aws wisdom start-import-job --knowledge-base-id "$base" --import-job-type QUICK_RESPONSES \
	--upload-id "$upload" --query importJob.importJobId --output text)
wait_for COMPLETE aws wisdom get-import-job --knowledge-base-id "$base" --import-job-id "$job" \
	--query importJob.status --output text
has bye "$(aws wisdom list-quick-responses --knowledge-base-id "$base" --page-size 1 --query 'quickResponseSummaries[].name')"
has hello "$(aws wisdom search-quick-responses --knowledge-base-id "$base" \
	--search-expression 'queries=[{name=content,operator=CONTAINS,values=[day]}]' --query 'results[].name' --output text)"
aws wisdom delete-knowledge-base --knowledge-base-id "$base"

aws s3 rm --recursive "s3://$bucket" >/dev/null
aws s3 rb "s3://$bucket" >/dev/null
echo ok
