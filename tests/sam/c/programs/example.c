/* The program of sam_overview(3), with three rounds of work and a crash. */
#include <stdio.h>
#include <stdlib.h>

#include <corosync/sam.h>

static int rounds = 3;

static int work(void)
{
	return rounds-- > 0;
}

int main(void)
{
	unsigned int instance;

	if (sam_initialize(2000, SAM_RECOVERY_POLICY_RESTART) != CS_OK ||
	    sam_register(&instance) != CS_OK)
		return 1;
	sam_start();
	if (instance == 1)
		abort();
	while (work())
		sam_hc_send();
	sam_finalize();
	printf("instance %u is done: %s\n", instance, cs_strerror(sam_hc_send()));
	return 0;
}
