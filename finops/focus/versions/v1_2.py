"""FOCUS 1.2, Cost and Usage (ratified 2025-05-29).

Every column that this version makes mandatory, and the conditional ones that apply: unit prices,
sub accounts, usage, regions, resources, tags. Columns for what we never have (commitment discounts,
capacity reservations, a pricing currency other than the billing one) are left out, as the
specification says for conditions that aren't met. 1.2 has no columns for split charges: they are
our own, under the names that 1.3 gave them.
"""

from __future__ import annotations

from finops.focus.columns import Column, Version, required

V1_2 = Version(
    "1.2",
    (
        required("BilledCost", "decimal"),
        required("BillingAccountId"),
        Column("BillingAccountName"),
        required("BillingAccountType"),
        required("BillingCurrency"),
        required("BillingPeriodEnd", "time"),
        required("BillingPeriodStart", "time"),
        required("ChargeCategory"),
        Column("ChargeClass"),
        Column("ChargeDescription"),
        required("ChargeFrequency"),
        required("ChargePeriodEnd", "time"),
        required("ChargePeriodStart", "time"),
        Column("ConsumedQuantity", "decimal"),
        Column("ConsumedUnit"),
        required("ContractedCost", "decimal"),
        Column("ContractedUnitPrice", "decimal"),
        required("EffectiveCost", "decimal"),
        Column("InvoiceId"),
        required("InvoiceIssuerName"),
        required("ListCost", "decimal"),
        Column("ListUnitPrice", "decimal"),
        Column("PricingCategory"),
        Column("PricingQuantity", "decimal"),
        Column("PricingUnit"),
        required("ProviderName"),
        required("PublisherName"),
        Column("RegionId"),
        Column("RegionName"),
        Column("ResourceId"),
        Column("ResourceName"),
        Column("ResourceType"),
        required("ServiceCategory"),
        required("ServiceName"),
        required("ServiceSubcategory"),
        Column("SkuId"),
        Column("SkuMeter"),
        Column("SkuPriceDetails", "json"),
        Column("SkuPriceId"),
        Column("SubAccountId"),
        Column("SubAccountName"),
        Column("SubAccountType"),
        Column("Tags", "json"),
        Column("x_AllocatedMethodDetails", "json", source="AllocatedMethodDetails"),
        Column("x_AllocatedMethodId", source="AllocatedMethodId"),
        Column("x_AllocatedResourceId", source="AllocatedResourceId"),
        Column("x_AllocatedResourceName", source="AllocatedResourceName"),
        Column("x_GpuState"),
        Column("x_OperationCount", "decimal"),
        Column("x_PriceSource"),
        Column("x_PriceVersion"),
        Column("x_SuccessCount", "decimal"),
        Column("x_WasteCost", "decimal"),
    ),
    splits=False,
)
