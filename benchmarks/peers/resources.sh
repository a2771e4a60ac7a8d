# resources.sh, in one node: what Pacemaker runs. Three nodes decide by quorum; nothing is fenced, and there is no disk.
for i in $(seq 300); do [ "$(crm_node -p 2>/dev/null | wc -w)" = 3 ] && cibadmin -Q >/dev/null 2>&1 && break; sleep 0.2; done
crm_attribute -t crm_config -n stonith-enabled -v false && crm_attribute -t crm_config -n cluster-delay -v 10s
cibadmin -C -o resources -X '<group id="web">
 <primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="ip-a">
  <nvpair id="ip-a1" name="ip" value="10.99.3.100"/><nvpair id="ip-a2" name="cidr_netmask" value="24"/><nvpair id="ip-a3" name="nic" value="eth3"/>
 </instance_attributes><operations><op id="ip-m" name="monitor" interval="10s"/></operations></primitive>
 <primitive id="app" class="ocf" provider="heartbeat" type="anything"><instance_attributes id="app-a">
  <nvpair id="app-a1" name="binfile" value="/run/application"/></instance_attributes></primitive>
</group>'
