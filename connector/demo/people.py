"""The people of the story: the credit clerk, and the fallout operator who calls the network operations centre.

They see only what Salesforce shows, and act by what people have there: a `Fulfillment_Command__c` record.
"""

from __future__ import annotations

import json

import httpx

from connector.demo.org import create, query
from connector.demo.simulated.network import BLOCKED_NUMBER
from connector.errors import RemoteError

_FOR_ITEM = "SELECT Id FROM Fulfillment_Command__c WHERE Item__c = {record} AND Status__c != 'Refused'"
_FOR_CASE = "SELECT Id FROM Fulfillment_Command__c WHERE Case__c = {record} AND Status__c != 'Refused'"


class People:
    """Does, whenever `step` is called, what the people of the story would do now.

    `org` is signed in to Salesforce, `network_url` is the address of the simulated network. What has been asked
    for once, in this run or an earlier one, is not asked for again.
    """

    def __init__(self, org: httpx.AsyncClient, *, network_url: str) -> None:
        self._org = org
        self._network_url = network_url

    async def step(self) -> list[str]:
        """Do what is to be done, and tell it in sentences; nothing to do gives none.

        Raises:
            RemoteError: Salesforce or the network did not let them.
        """
        return [*await self._check_credit(), *await self._mend_the_network()]

    async def _check_credit(self) -> list[str]:
        tasks = await query(
            self._org,
            "SELECT Id, Name, Order__c, Order__r.OrderNumber FROM Orchestration_Item__c"
            " WHERE Type__c = 'manual' AND State__c = 'Running' AND Queue__c = 'Credit_Check'",
        )
        told = []
        for task in tasks:
            if not await self._is_new(_FOR_ITEM, task["Id"]):
                continue
            await create(
                self._org,
                "Fulfillment_Command__c",
                {
                    "Action__c": "Complete",
                    "Order__c": task["Order__c"],
                    "Item__c": task["Id"],
                    "Outcome__c": "Approved",
                    "Outputs__c": json.dumps({"creditScore": 712}),
                },
            )
            told.append(f"The credit clerk approves order {task['Order__r']['OrderNumber']}.")
        return told

    async def _mend_the_network(self) -> list[str]:
        cases = await query(
            self._org,
            "SELECT Id, CaseNumber, Fulfillment_Order__c, Orchestration_Item__c FROM Case"
            " WHERE Error_Code__c = 'NUMBER_BLOCKED' AND Status != 'Closed'",
        )
        told = []
        for case in cases:
            if not await self._is_new(_FOR_CASE, case["Id"]):
                continue
            await self._unblock()
            told.append(f"The network operations centre unblocks {BLOCKED_NUMBER}.")
            await create(
                self._org,
                "Fulfillment_Command__c",
                {
                    "Action__c": "Retry",
                    "Order__c": case["Fulfillment_Order__c"],
                    "Item__c": case["Orchestration_Item__c"],
                    "Case__c": case["Id"],
                },
            )
            told.append(f"The operator asks for a Retry on Case {case['CaseNumber']}.")
        return told

    async def _is_new(self, soql: str, record: str) -> bool:
        return not await query(self._org, soql, record=record)

    async def _unblock(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.put(f"{self._network_url}/_sim/numbers/{BLOCKED_NUMBER}", json={"blocked": False})
        if not answer.is_success:
            raise RemoteError(f"The simulated network did not unblock the number: {answer.text[:200]}")
