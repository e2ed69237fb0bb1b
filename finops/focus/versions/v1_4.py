"""FOCUS 1.4, Cost and Usage (ratified 2026-06-04).

ProviderName and PublisherName are gone; ServiceProviderName says who sells and HostProviderName
where it runs. Split charges have columns. InvoiceId is conditional on payable invoices, which a
ledger of usage doesn't issue, so it is left out with the other columns whose condition isn't met.
"""

from __future__ import annotations

from finops.focus.columns import Column, Version, required

V1_4 = Version(
    "1.4",
    (
        Column("AllocatedMethodDetails", "json"),
        Column("AllocatedMethodId"),
        Column("AllocatedResourceId"),
        Column("AllocatedResourceName"),
        Column("AllocatedTags", "json"),
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
        required("HostProviderName"),
        required("InvoiceIssuerName"),
        required("ListCost", "decimal"),
        Column("ListUnitPrice", "decimal"),
        Column("PricingCategory"),
        Column("PricingQuantity", "decimal"),
        Column("PricingUnit"),
        Column("RegionId"),
        Column("RegionName"),
        Column("ResourceId"),
        Column("ResourceName"),
        Column("ResourceType"),
        required("ServiceCategory"),
        required("ServiceName"),
        required("ServiceProviderName"),
        required("ServiceSubcategory"),
        Column("SkuId"),
        Column("SkuMeter"),
        Column("SkuPriceDetails", "json"),
        Column("SkuPriceId"),
        Column("SubAccountId"),
        Column("SubAccountName"),
        Column("SubAccountType"),
        Column("Tags", "json"),
        Column("x_GpuState"),
        Column("x_OperationCount", "decimal"),
        Column("x_PriceSource"),
        Column("x_PriceVersion"),
        Column("x_SuccessCount", "decimal"),
        Column("x_Tenant"),
        Column("x_WasteCost", "decimal"),
    ),
    splits=True,
)
