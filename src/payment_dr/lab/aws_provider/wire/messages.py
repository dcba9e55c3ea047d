"""The messages of Terraform's plugin protocol 5 that the stand-in exchanges.

Field numbers are those of `docs/plugin-protocol/tfplugin5.proto` (version 5.10) in Terraform's
source. Names of messages do not appear on the wire and are flattened here; a map is a repeated
entry of key and value, which is how protocol buffers encode it. Fields that are neither sent nor
read are left out: a receiver skips what it does not know.
"""

from typing import Final

from payment_dr.lab.aws_provider.wire.codec import Codec

_TEXT: Final = """
Empty:
DynamicValue: bytes msgpack=1, bytes json=2
Step: string attribute_name=1
AttributePath: repeated Step steps=1
Diagnostic: int severity=1, string summary=2, string detail=3
RawState: bytes json=1

Attribute: string name=1, bytes type=2, bool required=4, bool optional=5, bool computed=6,
  bool write_only=10
Block: repeated Attribute attributes=2, repeated NestedBlock block_types=3
NestedBlock: string type_name=1, Block block=2, int nesting=3, int min_items=4, int max_items=5
Schema: Block block=2
SchemaEntry: string key=1, bytes schema=2
ServerCapabilities: bool get_provider_schema_optional=2
GetSchemaResponse: Schema provider=1, repeated SchemaEntry resource_schemas=2,
  repeated SchemaEntry data_source_schemas=3, ServerCapabilities server_capabilities=6,
  repeated SchemaEntry ephemeral_resource_schemas=8

PrepareProviderConfigRequest: DynamicValue config=1
PrepareProviderConfigResponse: DynamicValue prepared_config=1
ConfigureRequest: DynamicValue config=2
ValidateRequest: string type_name=1, DynamicValue config=2
ValidateResponse: repeated Diagnostic diagnostics=1
UpgradeResourceStateRequest: RawState raw_state=3
UpgradeResourceStateResponse: DynamicValue upgraded_state=1
ReadResourceRequest: string type_name=1, DynamicValue current_state=2
ReadResourceResponse: DynamicValue new_state=1, repeated Diagnostic diagnostics=2
PlanResourceChangeRequest: string type_name=1, DynamicValue prior_state=2,
  DynamicValue proposed_new_state=3, DynamicValue config=4
PlanResourceChangeResponse: DynamicValue planned_state=1,
  repeated AttributePath requires_replace=2
ApplyResourceChangeRequest: string type_name=1, DynamicValue prior_state=2,
  DynamicValue planned_state=3, DynamicValue config=4
ApplyResourceChangeResponse: DynamicValue new_state=1, repeated Diagnostic diagnostics=3
ImportResourceStateRequest: string type_name=1, string id=2
ImportedResource: string type_name=1, DynamicValue state=2
ImportResourceStateResponse: repeated ImportedResource imported_resources=1
ReadDataSourceRequest: string type_name=1, DynamicValue config=2
ReadDataSourceResponse: DynamicValue state=1, repeated Diagnostic diagnostics=2
OpenEphemeralResourceRequest: string type_name=1, DynamicValue config=2
OpenEphemeralResourceResponse: repeated Diagnostic diagnostics=1, DynamicValue result=3
"""

CODEC: Final = Codec(_TEXT)
"""Encodes and decodes them. A schema in its entry is bytes, decoded when it is asked for."""
